// A client that says when it is connected, and stays. Usage: node victim.mjs BASE ID default|polling
import { io } from 'socket.io-client';

const [base, id, transport] = process.argv.slice(2);
const socket = io(base, { query: { id }, ...(transport === 'default' ? {} : { transports: [transport] }) });
const { engine } = socket.io;
socket.once('connect_error', (error) => process.send(error.message));

if (transport === 'default') engine.once('upgrade', () => process.send('connected'));
// Once something was sent while a poll is held: a server cannot notice the death of who has no request under way.
else socket.once('connect', () => engine.transport.once('poll', () => {
  socket.emit('number', 1);
  engine.once('drain', () => process.send('connected'));
}));
