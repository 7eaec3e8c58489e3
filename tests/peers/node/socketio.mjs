// A socket.io 4 server. Its protocol is its own, so it has a client check of its own: socketio-check.mjs.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const server = createServer();
const io = new Server(server, { perMessageDeflate: true, maxHttpBufferSize: 4 << 20 });

io.use((socket, next) => next(socket.handshake.auth.token === 'bad' ? new Error('not for you') : undefined));
io.on('connection', (socket) => {
  socket.on('echo', (value, answer) => answer(value));
  socket.on('join', (room, answer) => {
    socket.join(room);
    answer(room);
  });
  socket.on('say', (room, text) => io.to(room).emit('said', text));
  socket.on('headers', (answer) => answer(socket.handshake.headers));
  socket.on('leave', () => socket.disconnect(true));
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
