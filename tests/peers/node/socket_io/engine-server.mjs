// An Engine.IO server that keeps a record of what each client did to it (records.mjs), and sends back what it hears.
// Usage: node engine-server.mjs [--polling]
import { createServer } from 'node:http';
import { Server } from 'engine.io';
import { ended, look, opened, watch } from './records.mjs';

const transports = process.argv.includes('--polling') ? ['polling', 'websocket'] : ['websocket'];
const settings = { transports, pingInterval: 500, pingTimeout: 20_000, maxHttpBufferSize: 2_000_000 };

const http = createServer(async (request, response) => {
  if (!request.url.startsWith('/records')) return response.writeHead(404).end();
  response.end(await look(request));
});
const engine = new Server(settings);
engine.attach(http, { path: '/engine.io/' });
engine.on('connection', (socket) => {
  const { id } = socket.request._query;
  opened(id, 'engine');
  socket.send('welcome');
  let heard = 0;
  socket.on('data', (data) => {
    heard += 1;
    if (data === 'leave') socket.close();
    else socket.send(data);
  });
  socket.on('close', (reason) => ended(id, { reason, heard }));
});
watch(http);
http.listen(0, '127.0.0.1', () => console.log(`listening ${http.address().port}`));
