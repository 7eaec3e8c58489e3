// sockjs-node, which answers its own clients: node sockjs-server.mjs PORT
import http from 'node:http';
import { createRequire } from 'node:module';

const sockjs = createRequire(`${process.cwd()}/`)('sockjs');
const service = sockjs.createServer({ log: () => {} });
service.on('connection', (client) => {
  client.on('data', (message) => client.write(message));
});
const server = http.createServer();
service.installHandlers(server, { prefix: '/sockjs' });
server.keepAliveTimeout = 0;
server.listen(Number(process.argv[2]), '127.0.0.1');
