// What a page's coming and going does to the sockets in it.
import { sleep } from "./support/clock.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { load, next, story } from "./support/load.mjs";
import { Towpath } from "./support/proxy.mjs";

const URL = "wss://app.example/chat";
const timeout = 5000;
const page = new EventTarget();
Object.assign(globalThis, { addEventListener: page.addEventListener.bind(page), navigator: { sendBeacon: undefined } });

async function opened() {
  const WebSocket = await load();
  const ws = new WebSocket(URL);
  await next(ws, "open");
  await sleep(100);
  return ws;
}

const happens = (type, persisted = false) => page.dispatchEvent(Object.assign(new Event(type), { persisted }));

for (const beacon of [true, false])
  test(`a page that goes away closes with 1001, by ${beacon ? "beacon" : "a request that outlives it"}`, { timeout }, async () => {
    const proxy = new Towpath({ network: ({ request }) => (request.frames?.length && !leaving ? { lose: true } : undefined) });
    let leaving = false;
    Object.assign(globalThis.navigator, {
      sendBeacon: beacon ? (url, body) => !!fetch(url, { method: "POST", body, credentials: "include", redirect: "error", cache: "no-store" }) : undefined,
    });
    const ws = await opened();
    const { events } = story(ws);
    ws.send("unsent");
    await sleep(10);
    leaving = true;
    happens("pagehide");
    await sleep(100);
    assert.deepEqual(proxy.session.received, ["unsent", { close: 1001, reason: "" }]);
    const { length } = proxy.requests;
    await sleep(60000);
    assert.deepEqual(events, []);
    assert.equal(proxy.requests.length, length, "silence afterwards");
  });

test("a page that may come back closes nothing, and goes on when it does", { timeout }, async () => {
  const proxy = new Towpath({ network: () => (frozen ? { hang: true } : undefined) });
  let frozen = false;
  const ws = await opened();
  frozen = true;
  happens("pagehide", true);
  await sleep(5000);
  assert.deepEqual(proxy.session.received, []);
  frozen = false;
  proxy.session.send("welcome back");
  const start = Date.now();
  happens("pageshow", true);
  await next(ws, "message");
  assert.ok(Date.now() - start < 100);
});

for (const type of ["online", "visibilitychange", "pageshow"])
  test(`${type} ends the pause after a failure`, { timeout }, async () => {
    let away = false;
    const proxy = new Towpath({ network: () => (away ? { lose: true } : undefined) });
    const ws = await opened();
    away = true;
    proxy.session.hold.answer(0);
    await sleep(20000);
    away = false;
    proxy.session.send("hello");
    const start = Date.now();
    happens(type);
    await next(ws, "message");
    assert.ok(Date.now() - start < 100, `${Date.now() - start} ms`);
  });
