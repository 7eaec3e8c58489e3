// What a server does for its clients; the same for releases 4 and 2, and in tests/peers/python/socket_io_peer.py.

// Turns of the event loop leave room for whatever else happens on the way.
const EACH_TURN = 5;

export function behave(io, { opened, ended }) {
  for (const name of ['/', '/chat']) {
    const namespace = io.of(name);
    namespace.use((socket, next) => next(refusal(socket)));
    namespace.on('connection', (socket) => {
      opened(socket);
      socket.on('disconnect', (reason) => ended(socket, reason));
      converse(namespace, socket);
    });
  }
}

// Release 2 has no auth but the query; its clients are told the message, or the data if there are.
function refusal({ handshake }) {
  if ((handshake.auth?.token ?? handshake.query.token) !== 'bad') return undefined;
  return Object.assign(new Error('not for you'), { data: { why: 'bad token' } });
}

function converse(namespace, socket) {
  const numbers = [];
  socket.on('echo', (...args) => args.pop()(...args));
  socket.on('return', (...args) => socket.emit('returned', ...args));
  socket.on('ask', (question, answer) => socket.emit('question', question, answer));
  socket.on('join', (room, answer) => {
    socket.join(room);
    answer(room);
  });
  socket.on('say', (room, text) => namespace.to(room).emit('said', text));
  socket.on('handshake', (answer) => {
    const { headers, query, auth } = socket.handshake;
    answer({ headers, query, auth: auth ?? null });
  });
  socket.on('number', (number) => numbers.push(number));
  socket.on('numbers', (answer) => answer(numbers));
  socket.on('count', counter(socket));
  socket.on('farewell', (to) => {
    for (let n = 0; n < to; n++) socket.emit('number', n);
    socket.disconnect(true);
  });
  socket.on('leave', (how) => leave(socket, how));
  socket.on('die', () => process.kill(process.pid, 'SIGKILL'));
}

// Counts on, up to the number that was wished for last.
function counter(socket) {
  let next = 0;
  let goal = 0;
  const go = () => {
    for (let left = EACH_TURN; left > 0 && next < goal; left--) socket.emit('number', next++);
    if (next < goal) setImmediate(go);
  };
  return (to) => {
    const idle = next >= goal;
    goal = to;
    if (idle) go();
  };
}

function leave(socket, how) {
  if (how === 'namespace') socket.disconnect();
  if (how === 'connection') socket.disconnect(true);
  if (how === 'engine') socket.conn.close();
}
