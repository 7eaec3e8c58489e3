// The socket.io client against socketio.mjs, on the WebSocket transport alone.
// Usage: node socketio-check.mjs http://HOST:PORT
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { io } from 'socket.io-client';
import { check } from './report.mjs';

const base = process.argv[2];

function connect(options = {}) {
  return io(base, { transports: ['websocket'], reconnection: false, forceNew: true, ...options });
}

async function connected(options) {
  const socket = connect(options);
  await once(socket, 'connect');
  return socket;
}

await check('acknowledged echo', async () => {
  const socket = await connected();
  assert.deepEqual(await socket.emitWithAck('echo', { text: 'grüße', list: [1, 2] }), { text: 'grüße', list: [1, 2] });
  socket.close();
});

await check('binary of a mebibyte', async () => {
  const socket = await connected();
  const bytes = randomBytes(1 << 20);
  assert.ok(bytes.equals(await socket.emitWithAck('echo', bytes)));
  socket.close();
});

await check('room', async () => {
  const [ann, bob] = await Promise.all([connected(), connected()]);
  await Promise.all([ann.emitWithAck('join', 'lobby'), bob.emitWithAck('join', 'lobby')]);
  const heard = Promise.all([once(ann, 'said'), once(bob, 'said')]);
  ann.emit('say', 'lobby', 'hello all');
  assert.deepEqual(await heard, [['hello all'], ['hello all']]);
  ann.close();
  bob.close();
});

await check('headers', async () => {
  const socket = await connected({ extraHeaders: { 'X-Custom': 'one, two' } });
  const headers = await socket.emitWithAck('headers');
  socket.close();
  return headers;
});

await check('refused by middleware', async () => {
  const socket = connect({ auth: { token: 'bad' } });
  const [error] = await once(socket, 'connect_error');
  socket.close();
  return error.message;
});

await check('disconnected by the server', async () => {
  const socket = await connected();
  const gone = once(socket, 'disconnect');
  socket.emit('leave');
  return (await gone)[0];
});

process.exit(); // a check that failed may have left a socket open
