// An ordinary backend that knows only WebSockets, with ws: node websocket-server.mjs PORT
import { createRequire } from 'node:module';

const { WebSocketServer } = createRequire(`${process.cwd()}/`)('ws');
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  perMessageDeflate: false,
});
server.on('connection', (client) => {
  client.on('message', (message, binary) => client.send(message, { binary }));
});
