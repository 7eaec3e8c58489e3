// What a page sees of every WebSocket server, by the API that pages have. Run straight against the server, the API is
// that of `ws`; with `fallback`, it is that of Towpath's client, which carries everything over HTTP.
// Usage: node page-checklist.mjs ws://HOST:PORT [fallback]
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { CLIENT } from './browser/files.mjs';
import { check } from './report.mjs';

const [base, fallback] = process.argv.slice(2);
const WebSocket = fallback ? await carried() : (await import('ws')).WebSocket;

async function carried() {
  await import(pathToFileURL(CLIENT));
  globalThis.WebSocket.towpath.configure({ hosts: [new URL(base).host], force: 'fallback' });
  return globalThis.WebSocket;
}

function open(path, protocols = []) {
  const socket = new WebSocket(base + path, protocols);
  socket.binaryType = 'arraybuffer';
  const queue = [];
  let wake = () => {};
  socket.addEventListener('message', ({ data }) => {
    queue.push(data);
    wake();
  });
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
  return {
    socket,
    opened: () => once(socket, 'open'),
    async message() {
      while (queue.length === 0) await new Promise((resolve) => (wake = resolve));
      return queue.shift();
    },
    async closed() {
      const { code, reason, wasClean } = await closed;
      return { code, reason, wasClean };
    },
  };
}

async function opened(...where) {
  const conversation = open(...where);
  await conversation.opened();
  return conversation;
}

await check('text', async () => {
  const { socket, message, closed } = await opened('/echo');
  const heard = [];
  for (const text of ['hello', 'grüße 👋']) {
    socket.send(text);
    heard.push(await message());
  }
  socket.close(1000);
  return { heard, closed: await closed() };
});

await check('binary', async () => {
  const { socket, message, closed } = await opened('/echo');
  const bytes = Uint8Array.from({ length: 300 }, (_, n) => n);
  socket.send(bytes);
  assert.deepEqual(new Uint8Array(await message()), bytes);
  socket.close(1000);
  return await closed();
});

await check('mebibyte', async () => {
  const { socket, message, closed } = await opened('/echo');
  const bytes = Buffer.alloc(1 << 20, 'towpath');
  socket.send(bytes);
  assert.ok(bytes.equals(Buffer.from(await message())));
  socket.close(1000);
  return await closed();
});

await check('a thousand in order', async () => {
  const { socket, message, closed } = await opened('/echo');
  for (let n = 0; n < 1000; n++) socket.send(`${n}`);
  for (let n = 0; n < 1000; n++) assert.equal(await message(), `${n}`);
  socket.close(1000);
  return await closed();
});

await check('subprotocol', async () => {
  const { socket, closed } = await opened('/echo', ['chat.v0', 'chat.v1']);
  const { protocol } = socket;
  socket.close(1000);
  return { protocol, closed: await closed() };
});

await check('close from the server', async () => await open('/close?code=4001&reason=bye').closed());

await check('close from the client', async () => {
  const witness = await opened('/closes');
  await witness.message();
  const { socket, closed } = await opened('/echo');
  socket.close(4002, 'so long');
  const mine = await closed();
  const witnessed = JSON.parse(await witness.message());
  witness.socket.close(1000);
  return { mine, witnessed };
});

await check('refusal', async () => {
  const { socket, closed } = open('/refuse');
  await once(socket, 'error').catch(() => {});
  return await closed();
});

process.exit(); // a check that failed may have left a socket open
