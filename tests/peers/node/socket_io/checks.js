// What a Socket.IO client must find the same through the proxy as without it. Runs in Node and in pages, with the
// clients of releases 4 and 2 (`old`); `report` is told of each check (see report.mjs). `base` is where the clients
// connect, `server` the server itself, for its records; they poll and upgrade if their transport is `default`.
// `own` are options that only some clients have.

const LARGE = 900_000;
// More than the server takes at once.
const TOO_LARGE = 3_000_000;

export function checks({ io, old, base, server, transport, recovers, report, options: own }) {
  const all = new Set();

  function connect(path = '/', options = {}) {
    const id = `${transport} ${all.size}`;
    const chosen = transport === 'default' ? {} : { transports: [transport] };
    const socket = io(base + path, {
      forceNew: true,
      reconnection: false,
      timeout: 10_000,
      ...chosen,
      ...options,
      query: { id, ...options.query },
    });
    socket.name = id;
    socket.opens = 0;
    socket.io.on('open', () => socket.opens++);
    socket.settled = settled(socket.io.engine, transport);
    all.add(socket);
    return socket;
  }

  async function connected(path, options) {
    const socket = connect(path, options);
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    return socket;
  }

  const records = async (socket, ended) =>
    (await fetch(`${server}/records?id=${encodeURIComponent(socket.name)}&ended=${ended}`)).json();

  const list = {
    async 'events with arguments of all kinds'() {
      const socket = await connected();
      for (const args of [
        ['grüße 👋', { nested: [1, -2.5, null, true] }],
        ['', {}, []],
        ['\u001e\u0000"\\\u2028\ud83d\udc4b', 'b4', '4'],
        ['ß'.repeat(100_000)],
      ]) {
        const back = event(socket, 'returned'); // a server that recovers connections adds its offset
        socket.emit('return', ...args);
        alike((await back).slice(0, args.length), args);
      }
    },

    async 'acknowledgements both ways'() {
      const socket = await connected();
      alike(await ask(socket, 'echo', 1, 'two', [3]), [1, 'two', [3]]);
      socket.on('question', (question, answer) => answer(`${question}!`, 42));
      alike(await ask(socket, 'ask', 'really?'), ['really?!', 42]);
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => ask(socket, 'echo', n)));
      alike(answers.flat(), Array.from({ length: 50 }, (_, n) => n));
    },

    async 'binary attachments'() {
      const socket = await connected();
      for (const size of [0, 1, 1024, LARGE]) sameBytes((await ask(socket, 'echo', bytes(size)))[0], bytes(size));
      const [mixed, after] = await ask(socket, 'echo', { one: bytes(7), list: ['text', bytes(300)] }, 'after');
      sameBytes(mixed.one, bytes(7));
      alike(mixed.list[0], 'text');
      sameBytes(mixed.list[1], bytes(300));
      alike(after, 'after');
    },

    async 'binary among text keeps its place'() {
      const socket = await connected();
      const heard = [];
      const done = new Promise((resolve) => {
        socket.on('returned', (n, data) => {
          sameBytes(data, bytes(n * 100));
          if (heard.push(n) === 40) resolve();
        });
      });
      for (let n = 0; n < 40; n++) socket.emit('return', n, bytes(n * 100));
      await done;
      alike(heard, Array.from({ length: 40 }, (_, n) => n));
    },

    async rooms() {
      const [ann, bob, eve] = await Promise.all([connected(), connected(), connected()]);
      await Promise.all([ask(ann, 'join', 'lobby'), ask(bob, 'join', 'lobby')]);
      eve.on('said', () => eve.emit('number', 'overheard'));
      const heard = Promise.all([said(ann), said(bob)]);
      ann.emit('say', 'lobby', 'hello all');
      alike(await heard, ['hello all', 'hello all']);
      alike(await ask(eve, 'numbers'), [[]]);
    },

    async 'namespaces on one connection'() {
      const main = await connected();
      const chat = main.io.socket('/chat');
      await event(chat, 'connect');
      alike(await ask(chat, 'echo', 'chat'), ['chat']);
      alike(await ask(main, 'echo', 'main'), ['main']);
      const gone = event(chat, 'disconnect');
      chat.emit('leave', 'namespace');
      const [reason] = await gone;
      alike(await ask(main, 'echo', 'still here'), ['still here']);
      const { opened } = await records(main, 1);
      return { opened, reason };
    },

    async 'a namespace that is not there'() {
      const socket = connect('/nowhere');
      const [error] = await event(socket, old ? 'error' : 'connect_error');
      return error.message ?? error;
    },

    async 'refused by middleware'() {
      const socket = connect('/', old ? { query: { token: 'bad' } } : { auth: { token: 'bad' } });
      const [error] = await event(socket, old ? 'error' : 'connect_error');
      return old ? error : [error.message, error.data ?? null];
    },

    async 'what the server knows of the client'() {
      const options = { auth: { token: 'good', list: [1] }, query: { flavour: 'oat & cream' }, ...own };
      const socket = await connected('/', options);
      const [{ headers: seen, query, auth }] = await ask(socket, 'handshake');
      const names = ['cookie', 'authorization', 'x-custom', 'user-agent', 'accept-language', 'origin'];
      const told = Object.fromEntries(names.map((name) => [name, seen[name] ?? null]));
      return { told, flavour: query.flavour, auth, EIO: query.EIO };
    },

    async 'ends and their reasons'() {
      const ends = {
        'by the client': (socket) => socket.disconnect(),
        'by the client, without a word': (socket) => socket.io.engine.close(),
        'by the server': (socket) => socket.emit('leave', 'connection'),
        'by the server, without a word': (socket) => socket.emit('leave', 'engine'),
      };
      const seen = {};
      for (const [who, end] of Object.entries(ends)) {
        const socket = await connected();
        await socket.settled;
        const gone = event(socket, 'disconnect');
        end(socket);
        const [client] = await gone;
        const { ended } = await records(socket, 1);
        seen[who] = { client, server: ended };
      }
      return seen;
    },

    async 'what was said before the end arrives'() {
      const socket = await connected();
      const heard = [];
      socket.on('number', (number) => heard.push(number));
      const gone = event(socket, 'disconnect');
      socket.emit('farewell', 5);
      await gone;
      alike(heard, [0, 1, 2, 3, 4]);
    },
  };

  // What becomes of it while a client upgrades is left open.
  if (transport !== 'default') list['too much at once'] = tooMuch;

  async function tooMuch() {
    const socket = await connected();
    const gone = event(socket, 'disconnect');
    socket.emit('return', bytes(TOO_LARGE));
    await gone;
    await records(socket, 1);
  }

  if (recovers) list['what was missed is recovered'] = recovery;

  async function recovery() {
    const [ann, bob] = await Promise.all([connected(), connected()]);
    await ask(ann, 'join', 'news');
    const first = said(ann);
    bob.emit('say', 'news', 'one');
    alike(await first, 'one');
    const before = ann.id;
    ann.io.engine.close();
    await records(ann, 1);
    bob.emit('say', 'news', 'two');
    await ask(bob, 'echo', 'said');
    const missed = said(ann);
    ann.connect();
    alike(await missed, 'two');
    alike(ann.id, before);
    return ann.recovered;
  }

  async function run() {
    const lasting = await connected();
    const beats = heartbeats(lasting, old);
    for (const [name, check] of Object.entries(list)) {
      if (!(await report(name, check))) return; // what waits in vain waits long
      // A browser has six connections to a host, and each client that polls holds one.
      for (const socket of all) if (socket !== lasting) socket.disconnect();
    }
    await report('a connection that outlasts heartbeats', async () => {
      await beats;
      alike(await ask(lasting, 'echo', 'still here'), ['still here']);
      return (await records(lasting, 0)).opened;
    });
    await report('the transport in the end', async () => {
      await lasting.settled;
      return lasting.io.engine.transport.name;
    });
    await report('records', async () => {
      const seen = [];
      for (const socket of all) seen.push({ opens: socket.opens, ...(await records(socket, 0)) });
      return seen;
    });
  }

  return run();
}

// When a client has upgraded, or cannot.
function settled(engine, transport) {
  return new Promise((resolve) => {
    engine.once('handshake', ({ upgrades }) => {
      if (upgrades.length === 0 || transport !== 'default') resolve();
    });
    for (const end of ['upgrade', 'upgradeError', 'close']) engine.once(end, resolve);
  });
}

// The server pings; of release 2, the client does.
function heartbeats(socket, old) {
  return new Promise((resolve) => {
    let left = 2;
    socket.io.engine.on(old ? 'pong' : 'ping', () => --left === 0 && resolve());
  });
}

const event = (emitter, name) => new Promise((resolve) => emitter.once(name, (...args) => resolve(args)));

const said = async (socket) => (await event(socket, 'said'))[0];

const ask = (socket, ...args) => new Promise((resolve) => socket.emit(...args, (...answer) => resolve(answer)));

const bytes = (size) => Uint8Array.from({ length: size }, (_, n) => (n * 7) ^ (n >> 8)).buffer;

function alike(got, expected) {
  const [one, other] = [got, expected].map((it) => JSON.stringify(it));
  if (one !== other) throw new Error(`expected ${other.slice(0, 200)}, got ${one?.slice(0, 200)}`);
}

function sameBytes(got, expected) {
  const [one, other] = [got, expected].map((it) => new Uint8Array(it));
  if (one.length !== other.length) throw new Error(`expected ${other.length} bytes, got ${one.length}`);
  const wrong = one.findIndex((byte, n) => byte !== other[n]);
  if (wrong >= 0) throw new Error(`byte ${wrong} of ${one.length} is not what was sent`);
}
