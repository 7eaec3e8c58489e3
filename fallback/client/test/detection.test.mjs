// Whether WebSockets get through: what the app sees, and what is concluded, for each way in which an attempt can go.
import { sleep } from "./support/clock.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { load, next, story } from "./support/load.mjs";
import { nativeStub } from "./support/native.mjs";
import { Towpath } from "./support/proxy.mjs";

const URL = "wss://app.example/chat";
const origin = "wss://app.example";
const timeout = 5000;

const opens = (ws) => queueMicrotask(() => ws.accept());
const fails = (ws) => queueMicrotask(() => ws.die());
const hangs = () => {};
const opensLate = (ws) => setTimeout(() => ws.accept(), 5000);
const opensThenIsCut = (ws) => setTimeout(() => (ws.accept(), setTimeout(() => ws.die(), 300)));
const opensThenBackendCloses = (ws) => setTimeout(() => (ws.accept(), ws.die(4401, "who are you")));
const opensAndSpeaks = (ws) => setTimeout(() => (ws.accept(), ws.message("hello")));

const open = { status: "open" };
const heard = { status: "open", heard: true };
const cut = { status: "closed", by: "client", heard: false };

/** Answers in turn; the last stays. */
const inTurn = (...answers) => () => (answers.length > 1 ? answers.shift() : answers[0]);

const failure = ["error", "close 1006 unclean"];
const websocket = { transport: "websocket", verdict: "good", story: ["open"] };
const fallback = (cause) => ({ transport: "polling", verdict: "bad", cause, story: ["open"] });
const failed = { verdict: "", story: failure };

const table = [
  { what: "opens and is heard", native: opens, fate: heard, ...websocket },
  { what: "opens and is heard after a while", native: opens, fate: inTurn(open, open, heard), ...websocket },
  { what: "opens and speaks", native: opensAndSpeaks, fate: open, ...websocket, story: ["open", "message hello"] },
  { what: "opens and is never heard", native: opens, fate: open, ...fallback("mute") },
  { what: "opens, though the proxy saw nothing", native: opens, fate: { status: "unseen" }, ...fallback("mute") },
  { what: "opens and is cut unheard", native: opensThenIsCut, fate: inTurn(open, open, cut), ...fallback("cut") },
  { what: "opens and is cut before the proxy notices", native: opensThenIsCut, fate: open, ...fallback("cut") },
  { what: "opens, and the backend closes", native: opensThenBackendCloses, fate: { status: "closed", by: "backend", code: 4401 }, verdict: "", story: ["open", "close 4401 who are you clean"] },
  { what: "opens, and nobody answers about it", native: opens, fate: 500, transport: "websocket", verdict: "", story: ["open"] },
  { what: "hangs unseen", native: hangs, fate: { status: "unseen" }, ...fallback("blocked") },
  { what: "hangs though the backend accepted", native: hangs, fate: open, ...fallback("mute") },
  { what: "opens late, with a slow backend", native: opensLate, fate: inTurn({ status: "connecting" }, { status: "connecting" }, heard), ...websocket },
  { what: "hangs, and the backend refused", native: hangs, fate: { status: "refused", http_status: 401 }, ...failed },
  { what: "hangs, and nobody answers about it", native: hangs, fate: 500, ...failed },
  { what: "opens late where no Towpath is", native: opensLate, fate: 404, transport: "websocket", verdict: "", story: ["open"] },
  { what: "fails unseen", native: fails, fate: { status: "unseen" }, ...fallback("blocked") },
  { what: "fails after the backend accepted", native: fails, fate: open, ...fallback("blocked") },
  { what: "fails, seen to be cut", native: fails, fate: cut, ...fallback("blocked") },
  { what: "fails, and the backend refuses after a while", native: fails, fate: inTurn({ status: "connecting" }, { status: "refused" }), ...failed },
  { what: "fails, and nobody answers about it", native: fails, fate: 502, ...failed },
  { what: "fails where no Towpath is", native: fails, fate: 404, ...failed },
];

for (const { what, native, fate, transport, verdict, cause, story: expected } of table)
  test(`a WebSocket that ${what}`, { timeout }, async () => {
    const Native = nativeStub(native);
    const proxy = new Towpath();
    proxy.fate = fate;
    const WebSocket = await load({ native: Native });
    const ws = new WebSocket(URL);
    const seen = story(ws);
    await Promise.race([next(ws, "open"), seen.done]);
    await sleep(50);
    assert.deepEqual(seen.events, expected);
    const status = WebSocket.towpath.status();
    assert.equal(status[0]?.transport, transport);
    assert.equal(status.verdicts[origin].verdict, verdict);
    assert.equal(status.verdicts[origin].cause, cause ?? "");
    assert.equal(proxy.sessions.length, Number(transport == "polling"), "sessions");
    if (transport != "websocket") assert.ok(Native.made[0].readyState > 1, "the attempt is given up");
  });

test("the attempt names itself, and the app does not see it", { timeout }, async () => {
  const Native = nativeStub(opens);
  const proxy = new Towpath();
  proxy.fate = heard;
  const WebSocket = await load({ native: Native });
  const plain = new WebSocket(URL);
  const query = new WebSocket(`${URL}?a=1&b=%20`, "v1");
  await Promise.all([next(plain, "open"), next(query, "open")]);
  assert.match(Native.made[0].url, /\/chat\?~towpath=[\w-]{22}$/);
  assert.match(Native.made[1].url, /\/chat\?a=1&b=%20&~towpath=[\w-]{22}$/);
  assert.deepEqual(Native.made[1].protocols, ["v1"]);
  assert.deepEqual([plain.url, query.url], [URL, `${URL}?a=1&b=%20`]);
  const cids = proxy.requests.map(({ body }) => JSON.parse(body).cid);
  assert.ok(cids.every((cid) => Native.made.some(({ url }) => url.endsWith(cid))));
});

test("a slow line gets more patience", { timeout }, async () => {
  const proxy = new Towpath({ network: () => ({ delay: 1500 }) });
  proxy.fate = { status: "unseen" };
  const opensAt = (ms) => (ws) => setTimeout(() => (ws.accept(), (proxy.fate = heard)), ms);
  const WebSocket = await load({ native: nativeStub(opensAt(5500)) });
  await next(new WebSocket(URL), "open");
  assert.equal(proxy.sessions.length, 0);
});

test("a good verdict asks nobody, and lasts 15 minutes", { timeout }, async () => {
  const proxy = new Towpath();
  proxy.fate = heard;
  const WebSocket = await load({ native: nativeStub(opens) });
  await next(new WebSocket(URL), "open");
  await next(new WebSocket(URL), "open");
  assert.equal(proxy.requests.length, 1);
  await sleep(16 * 60000);
  await next(new WebSocket(URL), "open");
  assert.equal(proxy.requests.length, 2);
});

/** Opens one WebSocket, lets it live for a while, and cuts it. */
async function dies(WebSocket, Native, age, message) {
  const ws = new WebSocket(URL);
  const { done } = story(ws);
  await next(ws, "open");
  await sleep(age);
  const native = Native.made.at(-1);
  if (message) native.message("still there");
  native.die();
  assert.deepEqual((await done).slice(-2), failure);
  await sleep(50);
  return WebSocket.towpath.status().verdicts[origin].verdict;
}

const deaths = [
  { what: "two cut young", fate: { ...cut, heard: true }, ages: [300, 300], verdict: "bad" },
  { what: "two cut young, unnoticed by the proxy", fate: heard, ages: [300, 300], verdict: "bad" },
  { what: "one cut young", fate: heard, ages: [300], verdict: "good" },
  { what: "two ended by the backend", fate: { status: "closed", by: "backend", heard: true }, ages: [300, 300], verdict: "good" },
  { what: "two cut by a restart of the proxy", fate: { status: "unseen" }, ages: [300, 300], verdict: "good" },
  { what: "two cut while the network is away", fate: 502, ages: [300, 300], verdict: "good" },
  { what: "two cut old", fate: heard, ages: [11000, 11000], verdict: "good" },
  { what: "an old one between two cut young", fate: heard, ages: [300, 11000, 300], verdict: "good" },
  { what: "two cut after they brought something", fate: heard, ages: [3000, 3000], message: true, verdict: "good" },
];
for (const { what, fate, ages, message, verdict } of deaths)
  test(`WebSockets that worked: ${what}`, { timeout }, async () => {
    const Native = nativeStub(opens);
    const proxy = new Towpath();
    proxy.fate = heard;
    const WebSocket = await load({ native: Native });
    await next(new WebSocket(URL), "open");
    proxy.fate = fate;
    let last;
    for (const age of ages) last = await dies(WebSocket, Native, age, message);
    assert.equal(last, verdict);
    const ws = new WebSocket(URL);
    await next(ws, "open");
    assert.equal(WebSocket.towpath.status().at(-1).transport, verdict == "bad" ? "polling" : "websocket");
    assert.equal(proxy.sessions.length, Number(verdict == "bad"));
  });

/** A window's worth of globals, for as long as the test takes. */
function page(t, storage = {}) {
  const document = { defaultView: { localStorage: storage }, baseURI: "https://app.example/page" };
  globalThis.document = /** @type {any} */ (document);
  t.after(() => delete globalThis.document);
  return storage;
}

test("a bad verdict is there in the next page, for 15 minutes", { timeout }, async (t) => {
  page(t);
  new Towpath();
  await next(new (await load({ native: nativeStub(fails) }))(URL), "open");
  const Native = nativeStub(opens);
  const WebSocket = await load({ native: Native });
  const ws = new WebSocket(URL);
  await next(ws, "open");
  assert.equal(WebSocket.towpath.status()[0].transport, "polling");
  assert.equal(WebSocket.towpath.status()[0].cause, "blocked");
  ws.close();
  await sleep(16 * 60000);
  new (await load({ native: Native }))(URL);
  assert.match(Native.made.at(-1).url, /chat\?~towpath=/);
});

test("a bad verdict is not there in the next page if a WebSocket worked in this", { timeout }, async (t) => {
  const storage = page(t);
  const proxy = new Towpath();
  proxy.fate = heard;
  const Native = nativeStub(opens);
  const WebSocket = await load({ native: Native });
  const ws = new WebSocket(URL);
  await next(ws, "open");
  Native.made[0].message("it works");
  for (const age of [300, 300]) await dies(WebSocket, Native, age);
  assert.equal(WebSocket.towpath.status().verdicts[origin].verdict, "bad");
  assert.deepEqual(Object.values(storage).map((known) => JSON.parse(known).verdict), ["good"]);
});

test("what is forgotten is found out anew, in this page and the next", { timeout }, async (t) => {
  page(t);
  new Towpath();
  const first = await load({ native: nativeStub(fails) });
  await next(new first(URL), "open");
  first.towpath.forget(origin);
  assert.equal(first.towpath.status().verdicts[origin].verdict, "");
  for (const known of ["", "bad"]) {
    const Native = nativeStub(fails);
    const WebSocket = await load({ native: Native });
    if (known) WebSocket.towpath.forget(origin);
    await next(new WebSocket(URL), "open");
    assert.equal(Native.made.length, 1);
  }
});

test("in the fallback, probes find out when WebSockets get through again", { timeout }, async () => {
  const proxy = new Towpath();
  let blocked = true;
  let probes = 0;
  const Native = nativeStub((ws) => {
    if (!ws.url.includes("/~towpath/1/probe")) return blocked ? fails(ws) : opens(ws);
    probes++;
    if (blocked) return fails(ws);
    ws.send = (data) => setTimeout(() => ws.message(data));
    opens(ws);
  });
  const WebSocket = await load({ native: Native });
  const ws = new WebSocket(URL);
  await next(ws, "open");
  await sleep(120000);
  assert.equal(probes, 1);
  assert.equal(WebSocket.towpath.status().verdicts[origin].verdict, "bad");
  blocked = false;
  proxy.fate = heard;
  await sleep(330000);
  assert.equal(probes, 2);
  assert.equal(WebSocket.towpath.status().verdicts[origin].verdict, "");
  assert.equal(WebSocket.towpath.status()[0].transport, "polling");
  await next(new WebSocket(URL), "open");
  assert.deepEqual(WebSocket.towpath.status().map((s) => s.transport), ["polling", "websocket"]);
});

test("where there is no fallback either, WebSockets are tried again", { timeout }, async () => {
  new Towpath({ open: { status: "policy" } });
  const WebSocket = await load({ native: nativeStub(fails) });
  assert.deepEqual(await story(new WebSocket(URL)).done, failure);
  assert.equal(WebSocket.towpath.status().verdicts[origin].verdict, "");
});

test("what came while `open` was held back follows it, as binaryType then says", { timeout }, async () => {
  const proxy = new Towpath();
  proxy.fate = open;
  const WebSocket = await load({
    native: nativeStub((ws) => setTimeout(() => {
      ws.accept("v2");
      ws.message("first");
      ws.message(Uint8Array.of(1).buffer);
      ws.die(1000, "done");
    })),
  });
  const ws = new WebSocket(URL, ["v1", "v2"]);
  const seen = [];
  ws.onopen = () => seen.push("open", ws.protocol, (ws.binaryType = "arraybuffer"));
  ws.onmessage = ({ data }) => seen.push(data);
  ws.onclose = ({ code, reason, wasClean }) => seen.push(code, reason, wasClean);
  await next(ws, "close");
  assert.deepEqual(seen, ["open", "v2", "arraybuffer", "first", Uint8Array.of(1).buffer, 1000, "done", true]);
});

test("each change of a socket's transport is told", { timeout }, async (t) => {
  const told = [];
  const target = new EventTarget();
  target.addEventListener("towpath", (e) => told.push(e.detail));
  globalThis.dispatchEvent = /** @type {any} */ (target.dispatchEvent.bind(target));
  t.after(() => delete globalThis.dispatchEvent);
  new Towpath();
  const WebSocket = await load({ native: nativeStub(fails), options: { stream: true } });
  await next(new WebSocket(URL), "open");
  await sleep(1000);
  assert.deepEqual(told.map(({ url, transport, cause }) => [url, transport, cause]), [
    [URL, "polling", "blocked"], [URL, "streaming", "blocked"],
  ]);
  assert.equal(typeof told[1].rtt, "number");
});

const forced = [
  { options: { force: "fallback" }, native: opens, transport: "polling", cause: "configured" },
  { options: { native: false }, native: opens, transport: "polling", cause: "configured" },
  { options: { force: "native" }, native: opens, transport: "websocket" },
];
for (const { options, native, transport, cause } of forced)
  test(`configured ${JSON.stringify(options)}`, { timeout }, async () => {
    const proxy = new Towpath();
    const Native = nativeStub(native);
    const WebSocket = await load({ native: Native, options });
    await next(new WebSocket(URL), "open");
    const [status] = WebSocket.towpath.status();
    assert.deepEqual([status.transport, status.cause], [transport, cause ?? ""]);
    assert.equal(proxy.requests.filter(({ name }) => name == "check").length, 0);
    if (transport == "websocket") assert.equal(Native.made[0].url, URL);
    else assert.equal(Native.made.length, 0);
  });
