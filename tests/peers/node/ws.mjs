// The `ws` server under the contract of tests/peers/README.md.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const REFUSAL = 'not for you\n';

const witnesses = new Set();
const sockets = new WebSocketServer({
  noServer: true,
  maxPayload: 4 << 20,
  perMessageDeflate: true,
  handleProtocols: (offered) => (offered.has('chat.v1') ? 'chat.v1' : false),
});

function echo(socket) {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('close', (code, reason) => {
    const word = JSON.stringify({ code, reason: reason.toString() });
    for (const witness of witnesses) witness.send(word);
  });
}

function witness(socket) {
  witnesses.add(socket);
  socket.on('close', () => witnesses.delete(socket));
  socket.send('watching');
}

const rooms = {
  '/echo': echo,
  '/closes': witness,
  '/close': (socket, { searchParams }) =>
    socket.close(Number(searchParams.get('code')), searchParams.get('reason')),
  '/headers': (socket, _url, { headers }) => socket.send(JSON.stringify(headers)),
};

const server = createServer((_request, response) => response.writeHead(404).end());
server.on('upgrade', (request, stream, head) => {
  const url = new URL(request.url, 'http://localhost');
  const room = rooms[url.pathname];
  if (room) {
    sockets.handleUpgrade(request, stream, head, (socket) => room(socket, url, request));
    return;
  }
  stream.end(
    'HTTP/1.1 403 Forbidden\r\nX-Refused-By: peer\r\nContent-Type: text/plain\r\n' +
      `Connection: close\r\nContent-Length: ${REFUSAL.length}\r\n\r\n${REFUSAL}`,
  );
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
