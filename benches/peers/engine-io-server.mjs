// engine.io, which answers its own clients: node engine-io-server.mjs PORT
import { createRequire } from 'node:module';
import http from 'node:http';

const { Server } = createRequire(`${process.cwd()}/`)('engine.io');
const http_server = http.createServer();
http_server.keepAliveTimeout = 0;
for (const path of ['/engine.io/', '/node-engine.io/']) {
  const server = new Server({ pingInterval: 25_000, pingTimeout: 60_000 });
  server.on('connection', (client) => {
    client.on('message', (message) => client.send(message));
  });
  server.attach(http_server, { path, destroyUpgrade: false });
}
http_server.listen(Number(process.argv[2]), '127.0.0.1');
