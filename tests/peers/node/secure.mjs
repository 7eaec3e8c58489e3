// A server over TLS that says how it was asked, over HTTP/2 and HTTP/1.1, and echoes what it hears on WebSockets.
// Usage: node secure.mjs CERTIFICATE KEY [AUTHORITY_OF_CLIENTS] | node secure.mjs (HTTP/2 without TLS)
import { readFileSync } from 'node:fs';
import { createSecureServer, createServer } from 'node:http2';
import { WebSocketServer } from 'ws';

const [cert, key, ca] = process.argv.slice(2).map((file) => readFileSync(file));
const sockets = new WebSocketServer({ noServer: true });
let sessions = 0;

function answer(request, response) {
  const { httpVersion, url, socket } = request;
  const client = socket.getPeerCertificate?.().subject?.CN ?? null;
  const content = JSON.stringify({ httpVersion, url, client, sessions, headers: request.headers });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': content.length });
  response.end(content);
}

const clients = ca ? { ca, requestCert: true, rejectUnauthorized: true } : {};
const server = cert
  ? createSecureServer({ allowHTTP1: true, cert, key, ...clients }, answer)
  : createServer(answer);
server.on('session', () => (sessions += 1));
server.on('upgrade', (request, stream, head) => {
  sockets.handleUpgrade(request, stream, head, (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
