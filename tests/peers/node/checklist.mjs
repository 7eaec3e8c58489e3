// What every WebSocket server must do through the proxy as it does without it, tried with the `ws` client.
// Usage: node checklist.mjs ws://HOST:PORT [AUTHORITY.pem]
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';
import { check } from './report.mjs';

const [base, authority] = process.argv.slice(2);
const trust = authority ? { ca: readFileSync(authority) } : {};

// Messages are queued from the start: a server may speak before anybody asks.
class Conversation {
  #queue = [];
  #wake = () => {};

  static async open(path, { protocols = [], ...options } = {}) {
    const socket = new WebSocket(base + path, protocols, { ...trust, ...options });
    const conversation = new Conversation(socket);
    await once(socket, 'open');
    return conversation;
  }

  constructor(socket) {
    this.socket = socket;
    this.closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: reason.toString() }));
    this.closed.catch(() => {}); // a failed handshake is reported by whoever awaits `open`
    socket.on('message', (data, isBinary) => {
      this.#queue.push({ data, isBinary });
      this.#wake();
    });
  }

  async message() {
    while (this.#queue.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    return this.#queue.shift();
  }

  async echo(value) {
    this.socket.send(value);
    return await this.message();
  }

  async close(code, reason) {
    this.socket.close(code, reason);
    return await this.closed;
  }
}

await check('text', async () => {
  const conversation = await Conversation.open('/echo');
  for (const text of ['hello', 'grüße 👋']) {
    const { data, isBinary } = await conversation.echo(text);
    assert.equal(data.toString(), text);
    assert.equal(isBinary, false);
  }
  await conversation.close(1000);
});

await check('binary', async () => {
  const conversation = await Conversation.open('/echo');
  const bytes = randomBytes(300);
  const { data, isBinary } = await conversation.echo(bytes);
  assert.deepEqual(data, bytes);
  assert.equal(isBinary, true);
  await conversation.close(1000);
});

await check('mebibyte', async () => {
  const conversation = await Conversation.open('/echo');
  const bytes = randomBytes(1 << 20);
  const { data } = await conversation.echo(bytes);
  assert.ok(bytes.equals(data));
  await conversation.close(1000);
});

await check('fragmented', async () => {
  const conversation = await Conversation.open('/echo', { perMessageDeflate: false });
  conversation.socket.send('one ', { fin: false });
  conversation.socket.ping(); // a control frame between two fragments is legal (RFC 6455 §5.4)
  conversation.socket.send('two ', { fin: false });
  conversation.socket.send('three', { fin: true });
  const { data } = await conversation.message();
  assert.equal(data.toString(), 'one two three');
  await conversation.close(1000);
});

await check('subprotocol', async () => {
  const conversation = await Conversation.open('/echo', { protocols: ['chat.v0', 'chat.v1'] });
  assert.equal(conversation.socket.protocol, 'chat.v1');
  await conversation.close(1000);
});

await check('extensions', async () => {
  const socket = new WebSocket(`${base}/echo`, [], { ...trust, perMessageDeflate: { threshold: 0 } });
  const conversation = new Conversation(socket);
  const [[{ headers }]] = await Promise.all([once(socket, 'upgrade'), once(socket, 'open')]);
  const text = 'a text that deflates '.repeat(500);
  assert.equal((await conversation.echo(text)).data.toString(), text);
  await conversation.close(1000);
  return headers['sec-websocket-extensions'] ?? null;
});

await check('close from the server', async () => {
  const conversation = await Conversation.open('/close?code=4001&reason=bye');
  return await conversation.closed;
});

await check('close from the client', async () => {
  const witness = await Conversation.open('/closes');
  await witness.message();
  const conversation = await Conversation.open('/echo');
  await conversation.close(4002, 'so long');
  const { data } = await witness.message();
  await witness.close(1000);
  return JSON.parse(data);
});

await check('headers', async () => {
  const conversation = await Conversation.open('/headers', {
    headers: { Cookie: 'flavour=oat; size=small', 'X-Custom': 'one, two' },
  });
  const { data } = await conversation.message();
  await conversation.close(1000);
  return JSON.parse(data);
});

await check('refusal', async () => {
  const socket = new WebSocket(`${base}/refuse`, [], trust);
  const [, response] = await once(socket, 'unexpected-response');
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, refused_by: response.headers['x-refused-by'] ?? null, body };
});

process.exit(); // a check that failed may have left a socket open
