// The browser's client where there is no browser and no WebSocket. It is over when nothing is left to wait for.
// Usage: node in-node.mjs http://HOST:PORT
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { CLIENT } from './files.mjs';

const [site] = process.argv.slice(2);
delete globalThis.WebSocket; // later Nodes have one
await import(pathToFileURL(CLIENT));
const { host } = new URL(site);
WebSocket.towpath.configure({ hosts: [host] });

function open(path, ...protocols) {
  const socket = new WebSocket(`ws://${host}${path}`, ...protocols);
  socket.binaryType = 'arraybuffer';
  return socket;
}

async function next(socket, type) {
  const [event] = await once(socket, type);
  return event;
}

async function echoes() {
  const socket = open('/echo?id=node', ['chat.v0', 'chat.v1']);
  await next(socket, 'open');
  const heard = [];
  for (const said of ['grüße 👋', new Uint8Array([0, 127, 255]), new Blob(['blob']), 'x'.repeat(300_000)]) {
    socket.send(said);
    const { data } = await next(socket, 'message');
    heard.push(typeof data === 'string' ? data.slice(0, 10) : [...new Uint8Array(data)]);
  }
  const { protocol } = socket;
  const [{ transport, cause }] = WebSocket.towpath.status();
  socket.close(4000, 'done');
  const { code, reason, wasClean } = await next(socket, 'close');
  return { protocol, heard, transport: transport === 'streaming' ? 'polling' : transport, cause, closed: [code, reason, wasClean] };
}

async function ends(path) {
  const socket = open(path);
  const events = [];
  for (const type of ['open', 'error']) socket.addEventListener(type, () => events.push(type));
  const { code, reason, wasClean } = await next(socket, 'close');
  return [...events, code, reason, wasClean];
}

console.log(
  JSON.stringify({
    echoes: await echoes(),
    'closed by the backend': await ends('/close?id=closed&code=4001&reason=bye'),
    refused: await ends('/refuse?id=refused&status=403'),
    backend: await (await fetch(`${site}/records?id=node&closes=1`)).json(),
  }),
);
