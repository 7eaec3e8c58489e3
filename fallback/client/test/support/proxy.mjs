// The proxy's side of towpath/1 as PROTOCOL.md has it, in memory, behind a `fetch` that loses, repeats, delays and
// garbles what it is told to.
import { busy, sleep } from "./clock.mjs";

export const OK = 0, SUPERSEDED = 1, STALE = 2, RESEND = 3, THROTTLED = 4, CLOSED = 5, GONE = 6, PROTOCOL = 7;
const TEXT = 1, BINARY = 2, LAST = 5, END = 6, CLOSE = 8;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A connection's worth of bytes, read from the front. */
class Input {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  take(n) {
    if (this.at + n > this.bytes.length) throw new Error("the body ends early");
    return this.bytes.subarray(this.at, (this.at += n));
  }
  number() {
    let n = 0;
    for (let unit = 1; ; unit *= 128) {
      const [byte] = this.take(1);
      n += (byte & 127) * unit;
      if (byte < 128) return n;
    }
  }
  get left() {
    return this.bytes.length - this.at;
  }
}

const number = (n) => {
  const out = [];
  for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) | 128);
  return [...out, n];
};

const frame = (type, payload) => [type, ...number(payload.length), ...payload];
const closeFrame = (code, reason = "", abnormal = false) =>
  frame(CLOSE, [Number(abnormal), code >> 8, code & 255, ...encoder.encode(reason)]);

function readRequest(body) {
  const input = new Input(body);
  if (decoder.decode(input.take(3)) != "TP1") throw new Error("not a towpath/1 body");
  const [flags] = input.take(1);
  const token = decoder.decode(input.take(input.number()));
  const [serial, ack, wait, budget, first] = Array.from({ length: 5 }, () => input.number());
  const frames = [];
  while (input.left) {
    const start = input.at;
    const [type] = input.take(1);
    const payload = input.take(input.number());
    frames.push({ type, payload, size: input.at - start });
  }
  return { flags, token, serial, ack, wait, budget, first, frames };
}

/** One session: the conversation with a backend that is a function of the test's. */
class Session {
  /** Messages and the close as the backend got them. */
  received = [];
  accepted = 0;
  acked = 0;
  /** Frames toward the client, from number `acked` + 1. */
  queue = [];
  parts = [];
  hold = undefined;
  newest = 0;
  ended = false;
  gone = false;

  constructor(proxy, offer) {
    this.proxy = proxy;
    this.offer = offer;
    this.token = `${proxy.id}.${proxy.sessions.length}`;
  }

  /** What the backend says. */
  send(data) {
    const text = typeof data == "string";
    const bytes = text ? encoder.encode(data) : new Uint8Array(data);
    const size = this.proxy.limits.fragment;
    for (let at = 0; at == 0 || at < bytes.length; at += size) {
      const type = text ? TEXT : BINARY;
      const more = at + size < bytes.length;
      this.queue.push(frame(more ? type + 2 : at ? LAST : type, bytes.subarray(at, at + size)));
    }
    this.flush();
  }
  close(code, reason, abnormal) {
    if (this.ended) return;
    this.ended = true;
    this.queue.push(closeFrame(code, reason, abnormal));
    this.flush();
  }

  flush() {
    busy();
    if (this.hold && this.queue.length) this.hold.answer(OK);
    this.stream?.push();
  }

  /** Takes c2s frames; false where there is a gap. */
  take(first, frames) {
    if (frames.length && first > this.accepted + 1) return false;
    let room = this.proxy.limits.buffer;
    frames.forEach(({ type, payload, size }, n) => {
      if (first + n != this.accepted + 1 || (n && (room -= size) < 0)) return;
      this.accepted++;
      this.accept(type, payload);
    });
    return true;
  }
  accept(type, payload) {
    if (type == CLOSE) {
      const code = payload[1] * 256 + payload[2];
      this.received.push({ close: code, reason: decoder.decode(payload.subarray(3)) });
      this.close(code);
      return;
    }
    this.parts.push(...payload);
    if (type == 3 || type == 4) {
      this.text = type == 3;
      return;
    }
    const bytes = Uint8Array.from(this.parts);
    const text = type == TEXT || (type == LAST && this.text);
    this.parts = [];
    const message = text ? decoder.decode(bytes) : bytes;
    this.received.push(message);
    this.proxy.backend.message?.(this, message);
  }

  acknowledge(ack) {
    for (; this.acked < ack; this.acked++) this.queue.shift();
  }

  /** The bytes of an answer. */
  head(status, serial, first, advice = 0) {
    return [...encoder.encode("TP1"), status, ...[serial, this.accepted, this.proxy.limits.buffer, advice, first].flatMap(number)];
  }
  answer(status, serial, frames = []) {
    return Uint8Array.from([...this.head(status, serial, frames.length ? this.acked + 1 : 0), ...frames.flat()]);
  }

  async io({ flags, serial, ack, wait, first, frames }, signal) {
    if (this.gone) return this.answer(CLOSED, serial);
    if (!this.take(first, frames)) return this.answer(RESEND, serial);
    this.acknowledge(ack);
    if (this.ended && !this.queue.length) {
      this.gone = true;
      this.hold?.answer(CLOSED);
      return this.answer(CLOSED, serial);
    }
    if (!wait) return this.answer(OK, serial, this.hold || this.stream ? [] : this.queue);
    if (serial < this.newest) return this.answer(STALE, serial);
    this.newest = serial;
    this.hold?.answer(SUPERSEDED);
    if (flags & 1) return this.streamed(serial, signal);
    if (this.queue.length) return this.answer(OK, serial, this.queue);
    return new Promise((resolve) => {
      const hold = (this.hold = {
        answer: (status) => {
          if (this.hold == hold) this.hold = undefined;
          clearTimeout(timer);
          resolve(this.answer(status, serial, status == OK ? this.queue : []));
        },
      });
      const timer = setTimeout(() => hold.answer(OK), Math.min(wait, this.proxy.limits.wait));
    });
  }

  streamed(serial, signal) {
    let next = this.acked + 1;
    return new ReadableStream({
      start: (out) => {
        const write = (bytes) => out.enqueue(Uint8Array.from(bytes));
        const finish = () => {
          clearTimeout(timer);
          if (this.stream == stream) this.stream = undefined;
        };
        const stream = (this.stream = {
          push: () => {
            for (; next <= this.acked + this.queue.length; next++) write(this.queue[next - this.acked - 1]);
          },
          cut: () => {
            finish();
            out.error(new TypeError("network error"));
          },
        });
        const timer = setTimeout(() => {
          write(frame(END, [OK]));
          finish();
          out.close();
        }, this.proxy.limits.stream);
        signal.addEventListener("abort", () => {
          finish();
          try {
            out.error(signal.reason);
          } catch {}
        });
        this.proxy.streams++;
        write(this.head(OK, serial, next));
        write(frame(0, new Uint8Array(2048)));
        stream.push();
      },
    });
  }
}

let proxies = 0;

export class Towpath {
  id = `proxy-${++proxies}`;
  sessions = [];
  /** Every request's path, in order. */
  requests = [];
  streams = 0;
  /** What became of WebSocket attempts: a function of the cid, or an answer for all. */
  fate = { status: "unseen" };
  limits = { wait: 25000, resume: 60000, max_body: 262144, max_message: 1 << 24, buffer: 262144, spacing: 100, stream: 60000, fragment: 65536 };
  open = {};

  /**
   * @param {{ backend?: any, limits?: any, open?: any, network?: (request: any) => any }} [options] `network` says what
   * becomes of a request: nothing special if nothing, else { lose, page, repeat, delay, truncate, loseAnswer }
   */
  constructor({ backend = {}, limits = {}, open = {}, network = () => undefined } = {}) {
    Object.assign(this.limits, limits);
    this.backend = backend;
    this.open = open;
    this.network = network;
    globalThis.fetch = /** @type {any} */ ((url, init) => this.fetch(String(url), init));
  }

  get session() {
    return this.sessions.at(-1);
  }

  async fetch(url, { method, body, signal, credentials, redirect, cache }) {
    busy();
    if (method != "POST" || credentials != "include" || redirect != "error" || cache != "no-store")
      throw new TypeError("a request that no client should make");
    const u = new URL(url);
    const name = /\/~towpath\/1\/(\w+)\/?$/.exec(u.pathname)?.[1];
    const request = { name, signal, request: name == "io" ? readRequest(body) : JSON.parse(body) };
    // A socket that an earlier test left behind.
    if (request.request.token && !request.request.token.startsWith(`${this.id}.`)) return new Promise(() => {});
    this.requests.push({ name, url, body });
    const cut = new Promise((_, reject) => {
      const abort = () => reject(signal.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener("abort", abort);
    });
    cut.catch(() => {});
    return Promise.race([cut, this.pass(request)]);
  }

  async pass(request) {
    const trouble = (await this.network(request)) ?? {};
    if (trouble.delay) await sleep(trouble.delay);
    if (trouble.hang) await new Promise(() => {});
    if (trouble.lose) throw new TypeError("network error");
    if (trouble.page) return new Response("<html>Bad Gateway", { status: trouble.page });
    if (trouble.repeat) this.answer(request);
    let answer = await this.answer(request);
    busy();
    if (trouble.loseAnswer) throw new TypeError("network error");
    if (trouble.buffer && answer.body instanceof ReadableStream) await new Promise(() => {});
    if (trouble.truncate && answer.body instanceof Uint8Array) answer.body = answer.body.subarray(0, answer.body.length * trouble.truncate);
    return new Response(answer.body, { status: answer.status ?? 200 });
  }

  async answer({ name, request, signal }) {
    if (name == "io") {
      const session = this.sessions.find((s) => s.token == request.token);
      if (!session) return { body: Uint8Array.from([...encoder.encode("TP1"), GONE, ...number(request.serial), 0, 0, 0, 0]) };
      return { body: await session.io(request, signal) };
    }
    const reply = name == "open" ? await this.begin(request) : typeof this.fate == "function" ? await this.fate(request.cid) : this.fate;
    if (typeof reply == "number") return { status: reply, body: "no" };
    return { body: JSON.stringify({ towpath: 1, ...reply }) };
  }

  async begin(offer) {
    const refusal = typeof this.open == "function" ? this.open(offer) : this.open;
    if (typeof refusal == "number" || refusal.status) return refusal;
    let session = this.sessions.find((s) => s.offer.nonce == offer.nonce);
    if (!session) {
      session = new Session(this, offer);
      this.sessions.push(session);
      this.backend.open?.(session);
    }
    const { wait, resume, max_body, max_message, buffer, spacing } = this.limits;
    return { status: "ok", token: session.token, protocol: offer.protocols?.[0] ?? "", wait, resume, max_body, max_message, buffer, spacing, stream: !!offer.stream, ...refusal };
  }
}
