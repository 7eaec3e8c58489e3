// A socket.io server that keeps a record of what each client did to it (records.mjs).
//
//   --release 4|2   whose server
//   --polling       long polling is allowed besides WebSocket
//   --only-polling  long polling alone is allowed
//   --eio3          clients of release 2 are let in
//   --recovery      connections are recovered with what they missed
//   --restarts      whenever it dies, it is started again on the same port
//
//   GET /page       an empty page with the server's own client
//   GET /pages/...  what runs in the page
import { fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';
import OldServer from 'socket.io-2';
import { behave } from './behaviour.mjs';
import { ended, look, opened, watch } from './records.mjs';

const { values: options } = parseArgs({
  options: {
    release: { type: 'string', default: '4' },
    polling: { type: 'boolean' },
    'only-polling': { type: 'boolean' },
    eio3: { type: 'boolean' },
    recovery: { type: 'boolean' },
    restarts: { type: 'boolean' },
    port: { type: 'string', default: '0' },
  },
});

const PAGE = '<!doctype html><link rel="icon" href="data:,"><title>page</title><script src="/socket.io/socket.io.js"></script>';
const pages = new Map([['/pages/checks.js', 'checks.js'], ['/pages/report.mjs', '../report.mjs']]);

async function answer(request) {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/page') return ['text/html', PAGE];
  if (pathname === '/records') return ['application/json', await look(request)];
  if (pages.has(pathname)) return ['text/javascript', await readFile(new URL(pages.get(pathname), import.meta.url))];
  return undefined;
}

function open(http) {
  const transports = options['only-polling'] ? ['polling'] : options.polling ? ['polling', 'websocket'] : ['websocket'];
  const settings = { transports, pingInterval: 500, pingTimeout: 20_000, maxHttpBufferSize: 2_000_000 };
  if (options.release === '2') return new OldServer(http, settings);
  const recovery = options.recovery ? { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } } : {};
  const cors = { origin: true, credentials: true };
  return new Server(http, { ...settings, ...recovery, cors, allowEIO3: options.eio3 ?? false });
}

function serve() {
  const http = createServer(async (request, response) => {
    const found = await answer(request);
    if (!found) return response.writeHead(404).end();
    const [type, content] = found;
    response.writeHead(200, { 'Content-Type': type, 'Access-Control-Allow-Origin': '*' }).end(content);
  });
  behave(open(http), {
    opened: (socket) => opened(socket.handshake.query.id, socket.nsp.name),
    ended: (socket, reason) => ended(socket.handshake.query.id, reason),
  });
  watch(http);
  http.listen(Number(options.port), '127.0.0.1', () => {
    const { port } = http.address();
    if (process.send) process.send(port);
    else console.log(`listening ${port}`);
  });
}

// A process of its own for each life; the last one ends with this one.
function supervise(port) {
  const child = fork(process.argv[1], [...process.argv.slice(2).filter((it) => it !== '--restarts'), '--port', port]);
  child.once('message', (bound) => {
    if (port === '0') console.log(`listening ${bound}`);
    child.once('exit', () => supervise(String(bound)));
  });
}

if (options.restarts) supervise('0');
else {
  process.once('disconnect', () => process.exit());
  serve();
}
