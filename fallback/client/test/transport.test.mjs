// The fallback transport alone, in a runtime that has no WebSocket.
import { sleep } from "./support/clock.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { load, next, story } from "./support/load.mjs";
import { Towpath } from "./support/proxy.mjs";

const echo = { message: (session, message) => session.send(message) };

for (const stream of [false, true])
  test(`an echo and a close, ${stream ? "streaming" : "polling"}`, { timeout: 5000 }, async () => {
    const proxy = new Towpath({ backend: echo });
    const WebSocket = await load({ options: { stream } });
    const ws = new WebSocket("wss://app.example/chat?room=7", ["v1", "v2"]);
    const { done } = story(ws);
    await next(ws, "open");
    ws.binaryType = "arraybuffer";
    ws.send("wörld");
    ws.send(new Uint8Array([1, 2]));
    assert.equal((await next(ws, "message")).data, "wörld");
    assert.deepEqual((await next(ws, "message")).data, Uint8Array.of(1, 2).buffer);
    assert.equal(proxy.streams, Number(stream));
    ws.close(3001, "bye");
    assert.deepEqual(await done, ["open v1", "message wörld", "message [object ArrayBuffer]", "close 3001 clean"]);
    assert.deepEqual(proxy.session.received.at(-1), { close: 3001, reason: "bye" });
    assert.equal(proxy.requests[0].url, "https://app.example/chat/~towpath/1/open?room=7");
    assert.equal(proxy.requests.at(-1).url, "https://app.example/chat/~towpath/1/io");
  });

const URL = "wss://app.example/chat";
const timeout = 5000;

/** A small generator, so that a failure can be seen again. */
function random(seed) {
  return () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
}

const troubles = [{ lose: true }, { loseAnswer: true }, { repeat: true }, { delay: 700 }, { truncate: 0.6 }, { page: 502 }, { page: 200 }, { hang: true }];

for (const stream of [false, true])
  for (const seed of [1, 2, 3, 4])
    test(`exactly once and in order over a bad network, seed ${seed}, ${stream ? "streaming" : "polling"}`, { timeout: 20000 }, async () => {
      const chance = random(seed);
      const count = 60;
      const proxy = new Towpath({
        limits: { wait: 2000, fragment: 1000, stream: 3000 },
        network: ({ signal, request }) => {
          if (chance() < 0.03) setTimeout(() => proxy.session?.stream?.cut(), 200);
          return chance() < 0.35 ? troubles[Math.floor(chance() * troubles.length)] : undefined;
        },
        backend: {
          open(session) {
            for (let n = 0; n < count; n++) setTimeout(() => session.send(`s2c ${n} ${"x".repeat((n * 97) % 3000)}`), n * 100);
          },
        },
      });
      const WebSocket = await load({ options: { stream } });
      const ws = new WebSocket(URL);
      const got = [];
      const all = new Promise((resolve) => {
        ws.onmessage = ({ data }) => got.push(data.replace(/ x*$/, "")) == count && resolve(0);
        ws.onclose = ({ code }) => resolve(assert.fail(`closed with ${code}`));
      });
      await next(ws, "open");
      for (let n = 0; n < count; n++) setTimeout(() => ws.send(n % 7 ? `c2s ${n} ${"y".repeat((n * 6007) % 50000)}` : new Blob([`c2s ${n} `])), n * 90);
      await all;
      while (ws.bufferedAmount || proxy.session.received.length < count) await sleep(100);
      const numbers = (name) => Array.from({ length: count }, (_, n) => `${name} ${n}`);
      assert.deepEqual(got, numbers("s2c"));
      const text = (data) => (typeof data == "string" ? data : Buffer.from(data).toString()).replace(/ y*$/, "");
      assert.deepEqual(proxy.session.received.map(text), numbers("c2s"));
      assert.equal(proxy.sessions.length, 1);
      ws.onclose = null;
      ws.close(4000, "done");
      assert.equal((await next(ws, "close")).code, 4000);
    });

async function opened(WebSocket) {
  const ws = new WebSocket(URL);
  await next(ws, "open");
  return ws;
}

const closes = [
  { what: "a code and a reason", close: [4001, "go away"], story: ["close 4001 go away clean"] },
  { what: "no code", close: [0], story: ["close 1005 clean"] },
  { what: "a loss", close: [0, "", true], story: ["error", "close 1006 unclean"] },
];
for (const { what, close, story: expected } of closes)
  test(`the backend's close with ${what} follows its messages and is acknowledged`, { timeout }, async () => {
    const proxy = new Towpath({
      backend: { open: (session) => setTimeout(() => (session.send("last words"), session.close(...close)), 500) },
    });
    const ws = await opened(await load());
    assert.deepEqual(await story(ws).done, ["message last words", ...expected]);
    await sleep(50);
    assert.ok(proxy.session.gone);
    const { length } = proxy.requests;
    await sleep(60000);
    assert.equal(proxy.requests.length, length, "silence afterwards");
  });

test("messages sent in one turn, and while a request is out, travel together", { timeout }, async () => {
  const proxy = new Towpath({ network: () => ({ delay: 100 }) });
  const ws = await opened(await load());
  await sleep(150);
  const before = proxy.requests.length;
  for (const text of ["1", "2", "3"]) ws.send(text);
  await sleep(50);
  for (const text of ["4", "5", "6"]) ws.send(text);
  await sleep(500);
  assert.deepEqual(proxy.session.received, ["1", "2", "3", "4", "5", "6"]);
  assert.equal(proxy.requests.length - before, 2);
});

test("no more than the credit is sent, but one frame in any case", { timeout }, async () => {
  const proxy = new Towpath({ limits: { buffer: 20000 } });
  const ws = await opened(await load());
  for (let n = 0; n < 10; n++) ws.send("x".repeat(n % 2 ? 15000 : 100));
  ws.send("x".repeat(100000));
  await sleep(1000);
  assert.equal(proxy.session.received.length, 11);
  const sizes = proxy.requests.filter(({ name }) => name == "io").map(({ body }) => body.length);
  assert.ok(Math.max(...sizes) < 20100, `${sizes}`);
});

test("bufferedAmount falls with the acknowledgements", { timeout }, async () => {
  let away = true;
  new Towpath({ network: ({ request }) => (away && request instanceof Object && request.frames?.length ? { loseAnswer: true } : undefined) });
  const ws = await opened(await load());
  ws.send("12345");
  await sleep(100);
  assert.equal(ws.bufferedAmount, 5);
  away = false;
  await sleep(1000);
  assert.equal(ws.bufferedAmount, 0);
});

for (const [what, trouble] of Object.entries({ "is cut off": { lose: true }, "hears nothing": { hang: true }, "meets a captive portal": { page: 200 } }))
  test(`a client that ${what} goes on when that is over, or gives up after the resume window`, { timeout }, async () => {
    let away;
    const proxy = new Towpath({ backend: echo, network: () => (away ? trouble : undefined) });
    const ws = await opened(await load());
    const { done } = story(ws);
    ws.send("before");
    await sleep(1000);
    away = true;
    await sleep(20000);
    ws.send("meanwhile");
    away = false;
    await sleep(40000);
    assert.deepEqual(proxy.session.received, ["before", "meanwhile"]);
    away = true;
    const start = Date.now();
    const seen = await done;
    assert.deepEqual(seen, ["message before", "message meanwhile", "error", "close 1006 unclean"]);
    const waited = Date.now() - start;
    assert.ok(waited > 30000 && waited < 130000, `${waited} ms`);
    const { length } = proxy.requests;
    await sleep(60000);
    assert.equal(proxy.requests.length, length, "silence afterwards");
  });

test("a session that is gone is a failure at once", { timeout }, async () => {
  const proxy = new Towpath();
  const ws = await opened(await load());
  proxy.sessions.length = 0;
  ws.send("anybody?");
  assert.deepEqual(await story(ws).done, ["error", "close 1006 unclean"]);
});

const refusals = [{ status: "refused", http_status: 403 }, { status: "unreachable" }, { status: "timeout" }, { status: "policy" }, { status: "malformed" }, 403, 404];
for (const refusal of refusals)
  test(`open answered with ${JSON.stringify(refusal)} is a failure, and not tried again`, { timeout }, async () => {
    const proxy = new Towpath({ open: refusal });
    const WebSocket = await load();
    assert.deepEqual(await story(new WebSocket(URL)).done, ["error", "close 1006 unclean"]);
    await sleep(60000);
    assert.equal(proxy.requests.length, 1);
  });

test("open is tried again where something else answered, with the same nonce", { timeout }, async () => {
  const answers = [{ page: 502 }, { loseAnswer: true }, { page: 200 }, { hang: true }];
  const proxy = new Towpath({ network: () => answers.shift() });
  await opened(await load());
  assert.equal(proxy.sessions.length, 1);
  const nonces = proxy.requests.filter(({ name }) => name == "open").map(({ body }) => JSON.parse(body).nonce);
  assert.deepEqual(new Set(nonces).size, 1);
  assert.match(nonces[0], /^[\w-]{21}[AQgw]$/);
});

test("a busy proxy is given the time it asks for", { timeout }, async () => {
  const start = Date.now();
  new Towpath({ open: () => (Date.now() - start < 3000 ? { status: "busy", retry_after: 3000 } : {}) });
  await opened(await load());
  assert.ok(Date.now() - start >= 3000);
});

test("requests that fail are spaced", { timeout }, async () => {
  let away;
  const proxy = new Towpath({ network: () => (away ? { lose: true } : undefined) });
  await opened(await load());
  away = true;
  proxy.session.send("x");
  const { length } = proxy.requests;
  await sleep(50000);
  assert.ok(proxy.requests.length - length < 16, `${proxy.requests.length - length} requests`);
});

test("polls that something cuts at one age become shorter", { timeout }, async () => {
  const proxy = new Towpath({ backend: echo });
  const pass = proxy.answer.bind(proxy);
  proxy.answer = (request) => {
    const cut = new Promise((_, reject) => request.request.wait > 0 && setTimeout(() => reject(new TypeError("cut")), 15000));
    cut.catch(() => {});
    return Promise.race([cut, pass(request)]);
  };
  const ws = await opened(await load());
  await sleep(100000);
  const waits = proxy.requests.filter(({ name }) => name == "io").map(({ body }) => body).map((body) => waitOf(body));
  assert.deepEqual([...new Set(waits)].length, 2);
  assert.ok(waits.at(-1) >= 11900 && waits.at(-1) <= 12000, `${waits}`);
  ws.send("still there?");
  await next(ws, "message");
});

test("where one request at a time gets through, polls carry what is sent", { timeout }, async () => {
  let last = Promise.resolve();
  const proxy = new Towpath({
    backend: echo,
    network: ({ signal }) => {
      const before = last;
      let done = () => {};
      last = new Promise((resolve) => (done = () => resolve(undefined)));
      signal?.addEventListener("abort", done);
      one.set(signal, done);
      return before.then(() => undefined);
    },
  });
  const one = new Map();
  const pass = proxy.answer.bind(proxy);
  proxy.answer = async (request) => {
    const answer = await pass(request);
    one.get(request.signal)?.();
    return answer;
  };
  const ws = await opened(await load());
  await sleep(1000);
  const start = Date.now();
  ws.send("1");
  await next(ws, "message");
  assert.ok(Date.now() - start < 7000, "the first has to find out");
  const later = Date.now();
  ws.send("2");
  await next(ws, "message");
  assert.ok(Date.now() - later < 2000, `${Date.now() - later} ms`);
});

test("a stream that something buffers is given up, and remembered", { timeout }, async () => {
  const proxy = new Towpath({ backend: echo, network: ({ request }) => (request.flags ? { buffer: true } : undefined) });
  const WebSocket = await load({ options: { stream: true } });
  const ws = await opened(WebSocket);
  ws.send("1");
  const start = Date.now();
  await next(ws, "message");
  assert.ok(Date.now() - start < 2600);
  await sleep(60000);
  assert.equal(WebSocket.towpath.status()[0].transport, "polling");
  assert.equal(proxy.streams, 1);
  await opened(WebSocket);
  await sleep(60000);
  assert.equal(proxy.streams, 1);
});

test("a stream that falls silent is given up", { timeout }, async () => {
  const proxy = new Towpath({ limits: { stream: 600000 } });
  const WebSocket = await load({ options: { stream: true } });
  await opened(WebSocket);
  await sleep(10000);
  assert.equal(WebSocket.towpath.status()[0].transport, "streaming");
  await sleep(40000);
  assert.equal(WebSocket.towpath.status()[0].transport, "polling");
  assert.equal(proxy.streams, 1);
});

test("what a stream brings is acknowledged within a second", { timeout }, async () => {
  const proxy = new Towpath();
  await opened(await load({ options: { stream: true } }));
  await sleep(1000);
  proxy.session.send("x");
  await sleep(1200);
  assert.equal(proxy.session.acked, 1);
  for (let n = 0; n < 5; n++) proxy.session.send("x".repeat(65536));
  await sleep(200);
  assert.ok(proxy.session.acked >= 5, `${proxy.session.acked}`);
});

/** @param {Uint8Array} body */
function waitOf(body) {
  let at = 5 + body[4];
  const number = () => {
    for (let n = 0, unit = 1; ; unit *= 128) {
      const byte = body[at++];
      n += (byte & 127) * unit;
      if (byte < 128) return n;
    }
  };
  number();
  number();
  return number();
}
