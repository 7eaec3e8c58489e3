// What engine.io-client must find the same through the proxy as without it.
// Usage: node engine-checks.mjs BASE SERVER default|polling
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'engine.io-client';
import { check as report } from '../report.mjs';

const [base, server, transport] = process.argv.slice(2);
const all = [];

// What it hears is kept from the start.
class Client {
  #heard = [];
  #wake = () => {};

  static async open() {
    const client = new Client(`${transport} ${all.length}`);
    all.push(client);
    assert.equal(await client.hear(), 'welcome');
    return client;
  }

  constructor(id) {
    this.id = id;
    const chosen = transport === 'default' ? {} : { transports: [transport] };
    this.socket = new Socket(base, { path: '/engine.io/', query: { id }, ...chosen });
    this.handshake = once(this.socket, 'handshake');
    this.closed = once(this.socket, 'close');
    this.upgraded = transport === 'default' && once(this.socket, 'upgrade');
    this.socket.on('error', (error) => this.#take(error));
    // Nothing is what the parser makes of an empty text.
    this.socket.on('message', (message = '') => this.#take(message));
  }

  #take(message) {
    this.#heard.push(message);
    this.#wake();
  }

  async hear() {
    while (this.#heard.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    return this.#heard.shift();
  }

  async echoes(message) {
    this.socket.send(message);
    const heard = await this.hear();
    assert.ok(same(heard, message), `sent ${show(message)}, heard ${show(heard)}`);
  }

  async record(ended) {
    return (await fetch(`${server}/records?id=${encodeURIComponent(this.id)}&ended=${ended}`)).json();
  }
}

function same(got, expected) {
  if (typeof expected === 'string') return got === expected;
  return Buffer.isBuffer(got) && got.equals(expected);
}

async function check(name, story) {
  if (!(await report(name, story))) process.exit(); // what waits in vain waits long
}

const show = (message) => `${typeof message} of ${message.length}: ${message.toString().slice(0, 20)}`;

const bytes = (size) => Buffer.from(Uint8Array.from({ length: size }, (_, n) => (n * 7) ^ (n >> 8)));

await check('the handshake', async () => {
  const client = await Client.open();
  const [{ sid, maxPayload, ...told }] = await client.handshake;
  assert.ok(sid.length >= 16, sid);
  assert.ok(maxPayload > 0 && maxPayload <= 2_000_000, maxPayload);
  client.socket.close();
  return told;
});

await check('messages', async () => {
  const client = await Client.open();
  for (const text of ['hello', '', 'grüße 👋', 'b64', '4', 'ß'.repeat(100_000)]) await client.echoes(text);
  for (const size of [1, 2, 3, 1024, 900_000]) await client.echoes(bytes(size));
  await client.upgraded;
  for (const message of ['hello', '', bytes(300)]) await client.echoes(message);
  client.socket.close();
});

await check('text and binary in their order', async () => {
  const client = await Client.open();
  const messages = Array.from({ length: 300 }, (_, n) => (n % 3 ? String(n) : bytes(n * 10)));
  for (const message of messages) client.socket.send(message);
  for (const message of messages) assert.ok(same(await client.hear(), message), `not in its place: ${message}`);
  client.socket.close();
});

// The client puts as much into one request as the handshake says, and no more.
await check('more than one request may carry', async () => {
  const client = await Client.open();
  const messages = Array.from({ length: 100 }, (_, n) => String(n % 10).repeat(50_000));
  for (const message of messages) client.socket.send(message);
  for (const message of messages) assert.ok(same(await client.hear(), message), 'not in its place');
  client.socket.close();
});

await check('ends', async () => {
  const [one, other] = [await Client.open(), await Client.open()];
  await Promise.all([one.upgraded, other.upgraded]);
  one.socket.close();
  other.socket.send('leave');
  const ends = [];
  for (const client of [one, other]) {
    const [reason] = await client.closed;
    ends.push({ client: reason, server: (await client.record(1)).ended });
  }
  return ends;
});

await check('what was said before the end arrives', async () => {
  const client = await Client.open();
  for (let n = 0; n < 50; n++) client.socket.send(String(n));
  client.socket.close(); // which may meet the upgrade at any point
  const [{ heard }] = (await client.record(1)).ended;
  assert.equal(heard, 50);
});

await check('heartbeats', async () => {
  const client = await Client.open();
  await client.upgraded;
  for (let n = 0; n < 2; n++) await once(client.socket, 'ping');
  await client.echoes('still here');
  client.socket.close();
  return client.socket.transport.name;
});

await check('records', async () => Promise.all(all.map(async (client) => ({ opens: 1, ...(await client.record(0)) }))));

process.exit(); // a check that failed may have left a socket open
