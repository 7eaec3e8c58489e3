// A client that is killed, and a server that is. Usage: node ends.mjs BASE SERVER default|polling
// The server must be one that restarts.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { io } from 'socket.io-client';
import { check } from '../report.mjs';

const [base, server, transport] = process.argv.slice(2);
const chosen = transport === 'default' ? {} : { transports: [transport] };

const records = async (id, ended) =>
  (await fetch(`${server}/records?id=${encodeURIComponent(id)}&ended=${ended}`)).json();

await check('a client that is killed', async () => {
  const id = `killed ${transport}`;
  // By the name that this script was started by: its packages are beside that, not beside the file.
  const victim = fork(join(dirname(process.argv[1]), 'victim.mjs'), [base, id, transport]);
  assert.deepEqual((await once(victim, 'message'))[0], 'connected');
  victim.kill('SIGKILL');
  return (await records(id, 1)).ended;
});

await check('a server that is killed', async () => {
  const id = `bereft ${transport}`;
  const socket = io(base, { ...chosen, query: { id }, reconnectionDelay: 100, reconnectionDelayMax: 300 });
  const upgraded = transport === 'default' && once(socket.io.engine, 'upgrade');
  await Promise.all([once(socket, 'connect'), upgraded]);
  const gone = once(socket, 'disconnect');
  const again = gone.then(() => once(socket, 'connect'));
  socket.emit('die');
  const [reason] = await gone;
  await again;
  const answer = await new Promise((resolve) => socket.emit('echo', 'there you are', resolve));
  // The record is the new server's.
  const { polls, opened } = await records(id, 0);
  return { reason, answer, polls, opened };
});

process.exit(); // a check that failed may have left a socket open
