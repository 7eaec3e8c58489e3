// What the browser's stories talk to: the site with their pages, and WebSockets that keep a record of what they saw.
//
//   GET  /page, /page?client        an empty page, without and with the fallback's client, which Towpath serves;
//                                   /page?client=HOST:PORT: from there, for WebSockets to there
//   GET  /page?sockjs               an empty page with SockJS' client
//   GET  /pages/..., /sockjs/...    what the pages are made of
//   GET  /sockjs.js                 SockJS' client
//   GET  /records?id=I&closes=N     what was seen of the conversations named I, once N of them are over;
//                                   and with &heard=N, once N messages have been heard
//   POST /say?id=I&from=A&count=N   has the newest conversation named I send the texts A, A+1, ...
//
// WebSockets are named by their query: /echo?id=I
import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { WebSocketServer } from 'ws';
import { PAGES, SOCKJS_CLIENT, SOCKJS_PAGES } from './files.mjs';

const SHOWN = 64;

const bell = new EventEmitter().setMaxListeners(0);
const records = new Map();

function record(id) {
  if (!records.has(id)) records.set(id, { handshakes: [], heard: [], closes: [], socket: null });
  return records.get(id);
}

const show = (data, isBinary) => (isBinary || data.length > SHOWN ? `${data.length} bytes` : data.toString());

function say(socket, from, count) {
  for (let n = from; n < from + count; n++) socket.send(String(n));
}

const rooms = {
  '/echo': (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  '/hear': () => {},
  '/headers': (socket, _query, { headers }) => socket.send(JSON.stringify(headers)),
  '/say': (socket, query) => say(socket, 1, Number(query.get('count'))),
  '/binary': (socket) => {
    for (const said of ['before', new Uint8Array([0, 127, 128, 255]), 'after']) socket.send(said);
  },
  '/cut': (socket) => socket.send('last words', () => socket.terminate()),
  '/close': (socket, query) => {
    say(socket, 1, Number(query.get('say') ?? 0));
    const code = query.get('code');
    socket.close(code === null ? undefined : Number(code), query.get('reason') ?? '');
  },
};

const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => (offered.has('chat.v1') ? 'chat.v1' : false),
});

function upgrade(request, stream, head) {
  const url = new URL(request.url, 'http://localhost');
  const seen = record(url.searchParams.get('id'));
  seen.handshakes.push(request.url);
  stream.on('error', () => {}); // whoever asked may be gone
  stream.on('close', () => bell.emit('ring'));
  if (url.pathname === '/never') return stream.on('close', () => seen.closes.push('left')).resume();
  const room = rooms[url.pathname];
  if (!room) {
    const status = url.searchParams.get('status') ?? '404';
    return stream.end(`HTTP/1.1 ${status} No\r\nLocation: /echo\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
  sockets.handleUpgrade(request, stream, head, (socket) => {
    seen.socket = socket;
    socket.on('message', (data, isBinary) => {
      seen.heard.push(show(data, isBinary));
      bell.emit('ring');
    });
    socket.on('close', (code, reason) => {
      seen.closes.push({ code, reason: reason.toString() });
      bell.emit('ring');
    });
    room(socket, url.searchParams, request);
  });
}

async function until(holds) {
  while (!holds()) await once(bell, 'ring');
}

const types = { js: 'text/javascript', html: 'text/html; charset=utf-8', json: 'application/json' };
const script = (host) =>
  host ? `<script src="http://${host}/.towpath/client.js" data-hosts="${host}"></script>` : '<script src="/.towpath/client.js"></script>';
const file = async (path) => ['js', await readFile(path)];

async function answer({ method, url }) {
  const { pathname, searchParams: query } = new URL(url, 'http://localhost');
  if (pathname.startsWith('/pages/')) return file(join(PAGES, basename(pathname)));
  if (pathname.startsWith('/sockjs/')) return file(join(SOCKJS_PAGES, basename(pathname)));
  if (pathname === '/sockjs.js') return file(SOCKJS_CLIENT);
  if (pathname === '/page') {
    const client = query.has('client') ? script(query.get('client')) : '';
    const sockjs = query.has('sockjs') ? '<script src="/sockjs.js"></script>' : '';
    return ['html', `<!doctype html><link rel="icon" href="data:,"><title>page</title>${client}${sockjs}`];
  }
  const seen = record(query.get('id'));
  if (pathname === '/records') {
    const { handshakes, heard, closes } = seen;
    const [ends, words] = ['closes', 'heard'].map((name) => Number(query.get(name) ?? 0));
    await until(() => closes.length >= ends && heard.length >= words);
    return ['json', JSON.stringify({ handshakes, heard, closes })];
  }
  if (pathname === '/say' && method === 'POST') {
    say(seen.socket, Number(query.get('from')), Number(query.get('count')));
    return ['json', '{}'];
  }
  return undefined;
}

const server = createServer(async (request, response) => {
  const found = await answer(request);
  if (!found) return response.writeHead(404).end();
  const [type, content] = found;
  response.writeHead(200, { 'Content-Type': types[type], 'Cache-Control': 'no-store' }).end(content);
});
server.on('upgrade', upgrade);
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
