// The fallback transport alone, in a runtime that has no WebSocket.
import "./support/clock.mjs";
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
