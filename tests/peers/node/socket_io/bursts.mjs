// Bursts of events both ways at once, from the first moment on and across the upgrade. Prints what came of each run.
// Usage: node bursts.mjs BASE SERVER[,SERVER] 4|2 default|polling RUNS
import { once } from 'node:events';
import { io } from 'socket.io-client';
import oldIo from 'socket.io-client-2';

const EVENTS = 500;
const EACH_TURN = 5;
const DEADLINE = 10_000;

const [base, servers, release, transport, runs] = process.argv.slice(2);
const connect = release === '2' ? oldIo : io;
const upgrades = transport === 'default';

const turn = () => new Promise((resolve) => setImmediate(resolve));

// Both sides are held back at 400 until the client has upgraded, so that events are under way before, during and after.
async function run(id) {
  const socket = connect(base, {
    forceNew: true,
    reconnection: false,
    query: { id },
    ...(upgrades ? {} : { transports: [transport] }),
  });
  const { engine } = socket.io;
  for (const end of ['connect_error', 'disconnect']) socket.once(end, (why) => fail(`${end}: ${why}`));
  const heard = [];
  const all = new Promise((resolve) => socket.on('number', (number) => heard.push(number) === EVENTS && resolve()));
  let emitted = 0;
  let allowed = upgrades ? 400 : EVENTS;
  const emit = (count) => {
    for (const to = Math.min(emitted + count, allowed); emitted < to; emitted++) socket.emit('number', emitted);
  };
  engine.once('upgrading', () => emit(100));
  const upgraded = upgrades && once(engine, 'upgrade').then(() => {
    allowed = EVENTS;
    socket.emit('count', EVENTS);
  });
  socket.emit('count', allowed);
  emit(100);
  while (emitted < EVENTS) {
    await turn();
    emit(EACH_TURN);
  }
  await Promise.all([upgraded, all]);
  const echoed = await new Promise((resolve) => socket.emit('numbers', resolve));
  const carried = engine.transport.name;
  socket.off('disconnect').disconnect();
  const { server, polls, handshakes, opened, ended } = await record(id);
  return { heard: summary(heard), echoed: summary(echoed), carried, server, polls, handshakes: handshakes.length, opened, ended };
}

// Of the server that had the client, once it has it no more.
const record = (id) =>
  Promise.any(
    servers.split(',').map(async (server) => {
      const seen = await fetch(`${server}/records?id=${encodeURIComponent(id)}&ended=1`);
      return { server, ...(await seen.json()) };
    }),
  );

// 'all in order', or what is wrong first.
function summary(numbers) {
  const wrong = numbers.findIndex((number, n) => number !== n);
  if (wrong >= 0) return `${numbers[wrong]} in the place of ${wrong}`;
  return numbers.length === EVENTS ? 'all in order' : `${numbers.length} of ${EVENTS}`;
}

function fail(why) {
  console.error(`run ${seen.length}: ${why}`);
  process.exit(1);
}

const seen = [];
const late = setTimeout(() => fail(`no end after ${DEADLINE} ms`), DEADLINE);
while (seen.length < Number(runs)) {
  seen.push(await run(`burst ${transport} ${seen.length}`));
  late.refresh();
}
console.log(JSON.stringify(seen));
process.exit();
