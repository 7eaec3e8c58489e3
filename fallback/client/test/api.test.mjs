// The face of a WebSocket, as the WHATWG standard draws it.
import "./support/clock.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { load, next, runAsScript, story } from "./support/load.mjs";
import { nativeStub } from "./support/native.mjs";
import { Towpath } from "./support/proxy.mjs";

const URL = "wss://app.example/chat";
const timeout = 5000;
const named = (name) => ({ name });

async function opened(WebSocket, ...args) {
  const ws = new WebSocket(URL, ...args);
  await next(ws, "open");
  return ws;
}

test("URLs", { timeout }, async (t) => {
  new Towpath();
  globalThis.document = /** @type {any} */ ({ baseURI: "https://app.example/a/page?q" });
  t.after(() => delete globalThis.document);
  const WebSocket = await load();
  const good = {
    "wss://app.example": "wss://app.example/",
    "WSS://APP.example:443/x y?z": "wss://app.example/x%20y?z",
    "https://app.example/x": "wss://app.example/x",
    "http://app.example/x": "ws://app.example/x",
    "/x": "wss://app.example/x",
    "x": "wss://app.example/a/x",
    "?x": "wss://app.example/a/page?x",
    "": "wss://app.example/a/page?q",
  };
  for (const [given, url] of Object.entries(good)) assert.equal(new WebSocket(given).url, url);
  for (const bad of ["ftp://app.example", "wss://app.example/#", "wss://app.example/#f", "wss://", "http://a b", "mailto:a", "about:blank"])
    assert.throws(() => new WebSocket(bad), named("SyntaxError"), bad);
  assert.throws(() => new WebSocket(), TypeError);
  assert.throws(() => WebSocket(URL), TypeError);
});

test("subprotocols", { timeout }, async () => {
  const proxy = new Towpath();
  const WebSocket = await load();
  const good = [[undefined, []], ["v1", ["v1"]], [["v1", "v2"], ["v1", "v2"]], [[], []], ["!#$%&'*+-.^_`|~09azAZ", ["!#$%&'*+-.^_`|~09azAZ"]], [new Set(["a", "b"]), ["a", "b"]], [null, ["null"]]];
  for (const [given, offered] of good) {
    await opened(WebSocket, given);
    assert.deepEqual(proxy.session.offer.protocols, offered);
  }
  for (const bad of ["", "a b", "a,b", "ä", "\x7f", '"', ["a", "a"], ["a", "A"], ["a", ""], {}, "a\0"])
    assert.throws(() => new WebSocket(URL, bad), named("SyntaxError"), String(bad));
});

test("constants, prototypes, names", { timeout }, async () => {
  new Towpath();
  const WebSocket = await load();
  const ws = new WebSocket(URL);
  ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].forEach((name, value) => {
    for (const where of [WebSocket, WebSocket.prototype])
      assert.deepEqual(Object.getOwnPropertyDescriptor(where, name), { value, writable: false, enumerable: true, configurable: false });
    assert.equal(ws[name], value);
  });
  assert.equal(WebSocket.name, "WebSocket");
  assert.deepEqual([WebSocket.length, ws.send.length, ws.close.length], [1, 1, 0]);
  assert.equal(Object.getPrototypeOf(WebSocket), EventTarget);
  assert.equal(Object.getPrototypeOf(WebSocket.prototype), EventTarget.prototype);
  assert.equal(Object.prototype.toString.call(ws), "[object WebSocket]");
  assert.ok(ws instanceof WebSocket && ws instanceof EventTarget && !({} instanceof WebSocket));
  assert.deepEqual(Reflect.ownKeys(ws).filter((key) => typeof key == "string"), []);
  assert.deepEqual(Object.keys(WebSocket), ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]);
  assert.deepEqual(Object.keys(WebSocket.prototype).sort(), [
    "CLOSED", "CLOSING", "CONNECTING", "OPEN", "binaryType", "bufferedAmount", "close", "extensions", "onclose", "onerror",
    "onmessage", "onopen", "protocol", "readyState", "send", "url",
  ]);
  assert.throws(() => WebSocket.prototype.readyState, TypeError);
});

test("attributes before and after open", { timeout }, async () => {
  new Towpath();
  const WebSocket = await load();
  const ws = new WebSocket(URL, "v1");
  const attributes = () => [ws.readyState, ws.protocol, ws.extensions, ws.bufferedAmount, ws.binaryType];
  assert.deepEqual(attributes(), [0, "", "", 0, "blob"]);
  await next(ws, "open");
  assert.deepEqual(attributes(), [1, "v1", "", 0, "blob"]);
  ws.binaryType = "arraybuffer";
  ws.binaryType = "nonsense";
  assert.equal(ws.binaryType, "arraybuffer");
  assert.throws(() => {
    "use strict";
    ws.readyState = 3;
  }, TypeError);
});

test("send before open", { timeout }, async () => {
  new Towpath();
  const WebSocket = await load();
  assert.throws(() => new WebSocket(URL).send("x"), named("InvalidStateError"));
});

test("whatever can be sent, in order, with its size", { timeout }, async () => {
  const proxy = new Towpath();
  const WebSocket = await load();
  const ws = await opened(WebSocket);
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const table = [
    ["text", 4, "text"],
    ["ö€😀", 9, "ö€😀"],
    ["\ud800x", 4, "\ufffdx"],
    ["\ufeffx", 4, "\ufeffx"],
    ["", 0, ""],
    [new Blob(["blob"]), 4, Uint8Array.from(Buffer.from("blob"))],
    [bytes.buffer, 4, bytes.slice()],
    [bytes.subarray(1, 3), 2, Uint8Array.of(2, 3)],
    [new DataView(bytes.buffer, 2), 2, Uint8Array.of(3, 4)],
    [new Uint8Array(0), 0, new Uint8Array(0)],
    [null, 4, "null"],
    [{ toString: () => "object" }, 6, "object"],
    ["x".repeat(100000), 100000, "x".repeat(100000)],
  ];
  let size = 0;
  for (const [data, more] of table) {
    ws.send(data);
    assert.equal(ws.bufferedAmount, (size += more));
  }
  bytes.fill(9);
  assert.throws(() => ws.send(), TypeError);
  assert.throws(() => ws.send(Symbol()), TypeError);
  ws.close();
  await next(ws, "close");
  const { received } = proxy.session;
  table.forEach(([, , got], n) => assert.ok(isDeepStrictEqual(received[n], got), `message ${n}`));
  assert.deepEqual(received.slice(table.length), [{ close: 0, reason: "" }]);
  assert.equal(ws.bufferedAmount, 0);
});

test("bufferedAmount rises when closing and closed, and never falls again", { timeout }, async () => {
  const proxy = new Towpath();
  const WebSocket = await load();
  const ws = await opened(WebSocket);
  ws.send("12345");
  ws.close();
  ws.send("123");
  assert.equal(ws.bufferedAmount, 8);
  await next(ws, "close");
  ws.send("12");
  assert.equal(ws.bufferedAmount, 5);
  assert.deepEqual(proxy.session.received, ["12345", { close: 0, reason: "" }]);
});

test("close codes and reasons", { timeout }, async () => {
  const proxy = new Towpath({ backend: {} });
  const WebSocket = await load();
  const rejected = [
    [[999], "InvalidAccessError"], [[1001], "InvalidAccessError"], [[2999], "InvalidAccessError"], [[5000], "InvalidAccessError"],
    [[0], "InvalidAccessError"], [[null], "InvalidAccessError"], [["reason"], "InvalidAccessError"], [[NaN], "InvalidAccessError"],
    [[66536], "InvalidAccessError"], [[1000, "x".repeat(124)], "SyntaxError"], [[1000, "é".repeat(62)], "SyntaxError"], [[undefined, "x".repeat(124)], "SyntaxError"],
  ];
  const ws = new WebSocket(URL);
  for (const state of [0, 1]) {
    assert.equal(ws.readyState, state);
    for (const [args, name] of rejected) assert.throws(() => ws.close(...args), named(name), String(args));
    if (!state) await next(ws, "open");
  }
  const accepted = [
    [[], { close: 0, reason: "" }], [[undefined], { close: 0, reason: "" }], [[1000], { close: 1000, reason: "" }],
    [[3000, "x".repeat(123)], { close: 3000, reason: "x".repeat(123) }], [["4999", "ö\ud800"], { close: 4999, reason: "ö\ufffd" }],
    [[undefined, "why"], { close: 1000, reason: "why" }],
  ];
  for (const [args, got] of accepted) {
    const ws = await opened(WebSocket);
    ws.close(...args);
    assert.equal(ws.readyState, 2);
    ws.close(4000);
    const event = await next(ws, "close");
    assert.deepEqual(proxy.session.received, [got]);
    assert.deepEqual([event.code, event.wasClean, ws.readyState], [got.close || 1005, true, 3]);
  }
});

for (const native of [undefined, () => {}])
  test(`close while connecting, with ${native ? "a native attempt" : "the fallback"}`, { timeout }, async () => {
    new Towpath();
    const Native = native && nativeStub(native);
    const WebSocket = await load({ native: Native });
    const ws = new WebSocket(URL);
    const { events, done } = story(ws);
    ws.close(1000, "never mind");
    assert.equal(ws.readyState, 2);
    assert.deepEqual(events, []);
    assert.deepEqual(await done, ["error", "close 1006 unclean"]);
    assert.equal(ws.readyState, 3);
    if (Native) assert.ok(Native.made[0].closed);
  });

test("no message is dispatched once close was called", { timeout }, async () => {
  new Towpath({ backend: { message: (session) => ["1", "2", "3"].forEach((text) => session.send(text)) } });
  const WebSocket = await load();
  const ws = await opened(WebSocket);
  const { done } = story(ws);
  ws.onmessage = () => ws.close();
  ws.send("go");
  assert.deepEqual(await done, ["message 1", "close 1005 clean"]);
});

test("event handlers keep their place among the listeners", { timeout }, async () => {
  new Towpath();
  const WebSocket = await load();
  const ws = new WebSocket(URL);
  const calls = [];
  const call = (name) => () => calls.push(name);
  ws.addEventListener("open", call("first"));
  ws.onopen = call("replaced");
  ws.addEventListener("open", call("third"));
  ws.onopen = function (event) {
    calls.push("handler", this === ws, event.target === ws);
  };
  ws.onmessage = call("never");
  ws.onmessage = null;
  for (const [given, kept] of [[1, null], ["x", null], [undefined, null]]) {
    ws.onclose = given;
    assert.equal(ws.onclose, kept);
  }
  const object = { handleEvent: call("not a function") };
  ws.onerror = object;
  assert.equal(ws.onerror, object);
  await next(ws, "open");
  assert.deepEqual(calls, ["first", "handler", true, true, "third"]);
  ws.onopen = null;
  assert.equal(ws.onopen, null);
  ws.close(3000);
  assert.equal((await next(ws, "close")).constructor.name, "CloseEvent");
});

test("messages are events of the URL's origin, each in a task of its own", { timeout }, async () => {
  new Towpath({ backend: { open: (session) => [Uint8Array.of(7), "b"].forEach((data) => session.send(data)) } });
  const WebSocket = await load();
  const ws = new WebSocket(URL);
  const seen = [];
  const both = new Promise((resolve) => {
    ws.onmessage = (event) => {
      seen.push(event);
      Promise.resolve().then(() => seen.push("microtask"));
      if (event.data == "b") setTimeout(resolve);
    };
  });
  await both;
  assert.deepEqual([seen.length, seen[1], seen[3]], [4, "microtask", "microtask"]);
  assert.ok(seen[0] instanceof MessageEvent);
  assert.equal(seen[0].origin, "wss://app.example");
  assert.deepEqual(new Uint8Array(await seen[0].data.arrayBuffer()), Uint8Array.of(7));
});

test("a native socket behind the wrapper is used as it is", { timeout }, async () => {
  const proxy = new Towpath();
  proxy.fate = { status: "open", heard: true };
  const Native = nativeStub((ws) => queueMicrotask(() => ws.accept("v1")));
  const WebSocket = await load({ native: Native });
  const ws = await opened(WebSocket, "v1");
  const [native] = Native.made;
  native.extensions = "permessage-deflate";
  native.bufferedAmount = 12;
  assert.deepEqual([ws.protocol, ws.extensions, ws.bufferedAmount], ["v1", "permessage-deflate", 12]);
  const data = new Blob(["x"]);
  ws.send(data);
  ws.send(17);
  assert.deepEqual(native.sent, [data, "17"]);
  const message = next(ws, "message");
  native.message("hi");
  const event = await message;
  assert.deepEqual([event.data, event.origin, event.target], ["hi", "wss://app.example", ws]);
  native.readyState = 2;
  assert.equal(ws.readyState, 2);
  ws.close(3000, "bye");
  assert.deepEqual(native.closed, [3000, "bye"]);
  const closed = next(ws, "close");
  native.die(3000, "bye");
  const { code, reason, wasClean } = await closed;
  assert.deepEqual([code, reason, wasClean, ws.readyState], [3000, "bye", true, 3]);
});

test("other hosts' WebSockets stay native", { timeout }, async () => {
  const proxy = new Towpath();
  const Native = nativeStub((ws) => queueMicrotask(() => ws.accept()));
  const WebSocket = await load({ native: Native, hosts: ["app.example", "b.example:8443", "C.example:443"] });
  const other = new WebSocket("wss://other.example/x", "v1");
  assert.equal(other, Native.made[0]);
  assert.equal(other.url, "wss://other.example/x");
  assert.ok(other instanceof WebSocket);
  assert.ok(new WebSocket("wss://b.example/") === Native.made[1]);
  for (const ours of ["wss://b.example:8443/", "wss://c.example/"]) assert.notEqual(new WebSocket(ours), Native.made.at(-1));
  assert.throws(() => new WebSocket("ftp://other.example"), named("SyntaxError"));
  assert.equal(proxy.requests.length, 0);
});

test("subclasses work for all hosts", { timeout }, async () => {
  const proxy = new Towpath();
  proxy.fate = { status: "open", heard: true };
  const WebSocket = await load({ native: nativeStub((ws) => queueMicrotask(() => ws.accept())) });
  class Chat extends WebSocket {
    say(text) {
      this.send(`say ${text}`);
    }
  }
  for (const url of [URL, "wss://other.example/x"]) {
    const ws = new Chat(url);
    await next(ws, "open");
    ws.say("hi");
    assert.ok(ws instanceof Chat && ws instanceof WebSocket);
    assert.ok(!(new WebSocket(url) instanceof Chat));
  }
});

test("where there is no WebSocket, other hosts are a mistake that is named", { timeout }, async () => {
  const WebSocket = await load();
  assert.throws(() => new WebSocket("wss://other.example"), /NotSupportedError|other\.example/);
});

test("as a classic script, with the tag's hosts, and twice", { timeout }, (t) => {
  const Native = nativeStub();
  globalThis.WebSocket = /** @type {any} */ (Native);
  globalThis.document = /** @type {any} */ ({ currentScript: { dataset: { hosts: "a.example, b.example:8443" } } });
  t.after(() => delete globalThis.document);
  runAsScript();
  const first = globalThis.WebSocket;
  runAsScript();
  assert.equal(globalThis.WebSocket, first);
  assert.deepEqual(
    ["wss://a.example", "wss://b.example:8443", "wss://b.example"].map((url) => new first(url) === Native.made.at(-1)),
    [false, false, true],
  );
});

test("the page's own host is the default", { timeout }, (t) => {
  globalThis.location = /** @type {any} */ ({ host: "page.example:8443", href: "https://page.example:8443/" });
  t.after(() => delete globalThis.location);
  const Native = nativeStub();
  globalThis.WebSocket = /** @type {any} */ (Native);
  runAsScript();
  assert.notEqual(new globalThis.WebSocket("/x"), Native.made.at(-1));
  assert.equal(new globalThis.WebSocket("wss://page.example/"), Native.made.at(-1));
});

test("a worker made from a blob has no host of its own", { timeout }, (t) => {
  globalThis.location = /** @type {any} */ ({ host: "", href: "blob:https://page.example/1" });
  t.after(() => delete globalThis.location);
  const Native = nativeStub();
  globalThis.WebSocket = /** @type {any} */ (Native);
  runAsScript();
  assert.throws(() => new globalThis.WebSocket("/x"), named("SyntaxError"));
  assert.equal(new globalThis.WebSocket("wss://page.example/"), Native.made.at(-1));
});

test("the package's named exports", { timeout }, async () => {
  globalThis.WebSocket = /** @type {any} */ (nativeStub());
  const { WebSocket, towpath } = await import("../module.js");
  assert.equal(WebSocket, globalThis.WebSocket);
  assert.equal(towpath, /** @type {any} */ (WebSocket).towpath);
  assert.equal(towpath.version, JSON.parse(await (await import("node:fs/promises")).readFile(new globalThis.URL("../package.json", import.meta.url), "utf8")).version);
  assert.deepEqual([...towpath.status()], []);
});
