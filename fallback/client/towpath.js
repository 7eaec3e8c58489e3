/*! towpath-client 0.1.0, MIT OR Apache-2.0. How to use it: README.md. What its parts are: types.d.ts. */
(() => {
/** @import * as T from "./types.js" */
/** @type {any} */
const g = globalThis;
/** @type {typeof WebSocket | undefined} */
const Native = g.WebSocket;
if (Native && "towpath" in Native) return;

const now = () => Date.now();
const encode = (text = "") => new TextEncoder().encode(text);
const decode = (bytes = encode()) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** @type {T.Raise} */
const raise = (name, message) => {
  throw new DOMException(message, name);
};

/** @type {(() => void)[]} */
const tasks = [];
const { port1, port2 } = new MessageChannel();
/** @type {T.Task} */
const task = g.setImmediate || ((fn) => {
  port1.onmessage = () => tasks.shift()?.();
  tasks.push(fn);
  port2.postMessage(0);
});

const random = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))
    .slice(0, 22).replace(/\W/g, (c) => c == "+" ? "-" : "_");

/** @type {T.Join} */
const join = (...parts) => {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
};

/** @type {T.Numbers} */
const numbers = (...list) => list.flatMap((n) => {
  const out = [];
  for (; n > 127; n = Math.floor(n / 128)) out.push(n % 128 | 128);
  return [...out, n];
});

const frame = (type = 0, payload = encode(), size = 0) => ({ bytes: join([type], numbers(payload.length), payload), size });

const endpoint = (url = "", name = "") => {
  const u = new URL(url);
  u.pathname = u.pathname.replace(/\/?$/, `/~towpath/1/${name}$&`);
  u.username = u.password = "";
  if (name != "open") u.search = "";
  return name == "probe" ? u.href : u.href.replace("ws", "http");
};

/** @type {T.Post} */
const post = (url, body, lane) => fetch(url, {
  method: "POST", body, signal: lane?.ctl?.signal, keepalive: !lane,
  credentials: "include", redirect: "error", cache: "no-store",
});

/** @type {T.Deadline} */
const deadline = (lane, ms) => {
  clearTimeout(lane.timer);
  if (ms) lane.timer = setTimeout(() => {
    lane.late = true;
    lane.ctl?.abort();
  }, ms);
};

/** @type {T.Ask} */
const ask = async (url, body, lane, ms) => {
  lane.ctl = new AbortController();
  deadline(lane, ms);
  try {
    const r = await post(url, JSON.stringify({ towpath: 1, ...body }), lane);
    if (r.status == 403 || r.status == 404) return r.status;
    const answer = r.status == 200 && await r.json();
    if (answer.towpath === 1) return answer;
  } catch {} finally {
    deadline(lane);
  }
};

/** @type {Record<string, T.Known>} */
const memory = {};
const slot = (origin = "") => "towpath " + origin;
/** @type {T.Recall} */
const recall = (origin) => {
  try {
    const known = JSON.parse(g.document.defaultView.localStorage[slot(origin)]);
    if (known.until > now()) return { ...known, worked: false };
  } catch {}
  return { origin, deaths: 0 };
};
/** @type {T.Keep} */
const keep = (known) => {
  try {
    const store = g.document.defaultView.localStorage;
    if (known.verdict == "bad" && known.worked) delete store[slot(known.origin)];
    else store[slot(known.origin)] = JSON.stringify(known);
  } catch {}
};
/** @type {T.Decide} */
const decide = (known, verdict, cause) => {
  Object.assign(known, { verdict, cause, until: now() + 9e5, deaths: 0, probeAt: now() + 6e4 });
  keep(known);
};
/** @type {T.Verdict} */
const verdict = ({ verdict, until = 0 }) => until > now() ? verdict : undefined;
/** @type {T.Measure} */
const measure = (known, since) => {
  const ms = now() - since;
  known.rtt = 0.7 * (known.rtt ?? ms) + 0.3 * ms;
};
/** @type {T.Trips} */
const trips = ({ rtt = 0 }, least) => Math.max(least, 4 * rtt);

/** @type {T.Check} */
const check = async (known, url, cid) => {
  const start = now(), answer = await ask(endpoint(url, "check"), { cid }, { fails: 0 }, trips(known, 5e3));
  if (answer) measure(known, start);
  return answer;
};

/** @type {T.Probe} */
const probe = (known, url) => {
  if (!Native || !options.native || options.force || verdict(known) != "bad" || now() < (known.probeAt || 0)) return;
  known.probeAt = now() + 3e5;
  const ws = new Native(endpoint(url, "probe"));
  const timer = setTimeout(() => ws.close(), 8e3);
  const say = () => ws.readyState == 1 && ws.send("?");
  let heard = 0;
  ws.onopen = say;
  ws.onmessage = () => {
    if (!heard++) return setTimeout(say, 1e3);
    decide(known);
    ws.close();
  };
  ws.onclose = () => clearTimeout(timer);
};

/** @type {Set<T.Session>} */
const sessions = new Set();

/** @type {T.Open} */
const session = (url, protocols, known, up) => {
  const io = endpoint(url, "io");
  /** @type {T.Lane} */
  const polls = { fails: 0 };
  /** @type {T.Lane} */
  const sends = { fails: 0 };
  /** @type {T.Item[]} */
  const queue = [];
  /** @type {T.Frame[]} */
  const sent = [];
  /** @type {Uint8Array[]} */
  let parts = [];
  /** @type {T.Transport} */
  let kind = "connecting";
  let token = encode(), serial = 0, got = 0, acked = 0, credit = 0, body = 0, longest = 0, spacing = 0;
  let alive = now(), resume = 3e4, cutAt = 0, short = 0, shorts = 0, unacked = 0, ackTimer = 0, ackNow = false;
  let over = false, gone = false, closing = false, textual = false, polled = false, stream = false, suspect = false;

  const open = async () => {
    const offer = { nonce: random(), protocols, stream: options.stream };
    while (!gone) {
      const a = await ask(endpoint(url, "open"), offer, polls, 15e3 + trips(known, 5e3));
      if (gone) return;
      if (a?.status == "ok") {
        token = encode(a.token);
        ({ resume, buffer: credit, spacing } = a);
        body = a.max_body - 400;
        longest = Math.min(a.wait, known.wait || a.wait);
        stream = a.stream && options.stream && !((known.noStream || 0) > now());
        alive = now();
        polls.fails = 0;
        // As a browser does it whose subprotocols were all passed over.
        if (protocols.length && !a.protocol) {
          end();
          return me.leave();
        }
        up.open(a.protocol);
        tell("polling");
        return run(polls);
      }
      if (a && a.status != "busy") {
        // Where there is no fallback, no verdict may stand in a WebSocket's way.
        if (a > 0 || a.status == "policy") decide(known);
        return end();
      }
      await rest(polls, Math.max(a?.retry_after || 0, failed(polls)));
    }
  };

  const tell = (to = kind) => {
    if (kind != to) up.kind(kind = to);
  };

  const stop = () => {
    over = gone = true;
    sessions.delete(me);
    clearTimeout(ackTimer);
    me.kick(true);
  };

  const end = () => {
    if (!over) up.close(1006, "");
    stop();
  };

  const rest = (lane = polls, ms = 0) => new Promise((done) => {
    lane.wake = done;
    setTimeout(done, ms);
  });

  const failed = (lane = polls) => {
    if (now() - alive > resume) end();
    return Math.min(8e3, 250 * 2 ** lane.fails++) * (1 - Math.random() / 2);
  };

  const fill = () => {
    // Small, to get through a slow line before a deadline.
    const size = Math.min(16384, body);
    for (let item; (item = queue[0])?.data; queue.shift()) {
      const { type, data } = item;
      for (let at = 0; !at || at < data.length; at += size) {
        const part = data.subarray(at, at + size);
        sent.push(frame(at + size < data.length ? type + 2 : at ? 5 : type, part, type < 8 ? part.length : 0));
      }
    }
    // Later in this turn there may be more.
    queueMicrotask(() => run(sends));
  };

  const run = async (lane = polls) => {
    if (lane.busy) return;
    lane.busy = true;
    while (lane == polls ? !over : !gone && token.length && now() >= short && (ackNow || sent.length)) {
      const pause = await exchange(lane);
      if (pause && !gone) await rest(lane, pause);
      if (lane == polls && !over) {
        run(sends);
        probe(known, url);
      }
    }
    lane.busy = false;
    if (lane == sends && over) stop();
  };

  const pick = () => {
    const room = Math.min(credit, body / 2 ** sends.fails);
    let size = 0;
    const beyond = sent.findIndex(({ bytes }, n) => (size += bytes.length) > room && n);
    return beyond < 0 ? sent : sent.slice(0, beyond);
  };

  const request = (flags = 0, wait = 0, frames = sent) => {
    clearTimeout(ackTimer);
    ackTimer = unacked = 0;
    ackNow = false;
    const head = numbers(++serial, got, wait, 1 << 20, frames.length && acked + 1);
    return join(encode("TP1"), [flags], numbers(token.length), token, head, ...frames.map((f) => f.bytes));
  };

  const exchange = async (lane = polls) => {
    const poll = lane == polls, single = poll && now() < short, flow = poll && !single && polled && stream;
    const frames = poll && !single ? [] : pick();
    const wait = !poll ? 0 : single ? 1e3 : stream && !polled ? 1 : longest;
    const mine = request(+flow, wait, frames), id = serial, start = lane.since = now();
    // What exceeds the credit may be held for 5 s.
    const held = frames[0]?.bytes.length > credit ? 5e3 : 0, grace = trips(known, 5e3) * 2 ** Math.min(sends.fails, 3);
    let buffer = encode(), at = 0, mark = 0, status = -1, advice = 0, next = 0, padded = false, whole = !flow;
    const take = (n = 1) => {
      if (at + n > buffer.length) throw take;
      return buffer.subarray(at, at += n);
    };
    const number = () => {
      for (let n = 0, unit = 1; ; unit *= 128) {
        const [byte] = take();
        n += (byte & 127) * unit;
        if (byte < 128) return n;
      }
    };

    lane.ctl = new AbortController();
    lane.late = lane.kicked = false;
    deadline(lane, flow ? trips(known, 2e3) : wait + held + grace);
    try {
      const answer = await post(io, mine, lane);
      if (answer.status != 200) throw 0;
      /** @type {any} */
      const reader = answer.body?.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (gone) return 0;
        if (done) break;
        buffer = join(buffer.subarray(at), value);
        at = mark = 0;
        try {
          if (status < 0) {
            if (decode(take(3)) != "TP1") throw 0;
            const [said] = take(), same = number() == id, ack = number(), room = number();
            [advice, next] = [number(), number()];
            if (!same) throw 0;
            status = said;
            whole ||= status > 0;
            lane.fails = 0;
            if (status < 6) {
              credit = room;
              for (; sent.length && acked < ack; acked++) up.acked(sent.shift()?.size || 0);
            }
            if (!poll && !held) measure(known, start);
          }
          for (;;) {
            mark = at;
            const [type] = take(), data = take(number());
            if (!type) padded = true;
            else if (type == 6) [status] = data, whole = true;
            else if (next++ == got + 1 && !over) accept(type, data, flow);
          }
        } catch (e) {
          if (e != take) throw e;
          at = mark;
        }
        if (status >= 0) alive = now();
        if (flow && padded) tell("streaming");
        if (!flow || padded) deadline(lane, flow ? 35e3 : grace);
      }
      if (status < 0 || at < buffer.length || !whole) throw 0;
    } catch {
      lane.ctl.abort();
      return gone || lane.kicked ? 0 : lost(lane, wait, flow, padded);
    } finally {
      deadline(lane);
    }

    if (poll) {
      polled = true;
      if (now() - start >= cutAt) cutAt = 0;
      if (suspect) {
        suspect = false;
        known.noStream = now() + 9e5;
        keep(known);
      }
    }
    if (status > 4 && status < 9) end();
    return status ? Math.max(advice, spacing) : advice;
  };

  const lost = (lane = polls, wait = 0, flow = false, padded = false) => {
    const { since = 0, late } = lane, age = now() - since;
    if (lane == sends) {
      // It hung while a poll was out: perhaps only one gets through at a time. Then polls carry all.
      if (late && polls.busy && (polls.since || 0) < since) {
        short = now() + 6e4 * 2 ** shorts++;
        me.kick(true);
      }
    } else if (flow && (late || padded && age < 1e4)) {
      // Buffered on the way, or the network is gone: the next poll tells.
      stream = false;
      suspect = true;
      tell("polling");
      return 0;
    } else if (!padded) {
      stream ||= suspect;
      suspect = false;
      short = 0;
      if (late) longest = Math.min(longest, Math.max(5e3, wait / 2));
      else if (age > 1e3 && Math.abs(age - cutAt) < age / 8) {
        known.wait = longest = Math.min(wait, Math.max(5e3, 0.8 * Math.min(age, cutAt)));
        keep(known);
      } else cutAt = age;
    }
    return failed(lane);
  };

  const accept = (type = 0, data = encode(), flow = false) => {
    const ack = () => {
      ackNow = true;
      run(sends);
    };
    got++;
    // The proxy holds a limited number of frames, too.
    unacked += data.length + 256;
    if (type == 8) {
      const odd = data[0] & 1;
      up.close(odd ? 1006 : data[1] * 256 + data[2] || 1005, odd ? "" : decode(data.subarray(3)));
      // What is left to do is to acknowledge it.
      over = true;
      sent.length = short = 0;
      resume = 5e3;
      polls.kicked = true;
      polls.ctl?.abort();
      sends.wake?.();
      return ack();
    }
    if (type < 3 || type == 5) {
      const all = join(...parts, data);
      up.message((type == 5 ? textual : type == 1) ? decode(all) : all.buffer);
      parts = [];
    } else {
      textual = type == 3;
      parts.push(data);
    }
    if (flow) unacked < 65536 ? ackTimer ||= setTimeout(ack, 1e3) : ack();
  };

  /** @type {T.Session} */
  const me = {
    stop,
    async send(type, data) {
      /** @type {T.Item} */
      const item = { type };
      queue.push(item);
      try {
        item.data = data instanceof Uint8Array ? data : new Uint8Array(await data.arrayBuffer());
        fill();
      } catch {
        end();
      }
    },
    close(code, reason) {
      closing = true;
      resume = Math.min(resume, 1e4);
      alive = now();
      me.send(8, join([0, code >> 8, code], encode(reason)));
    },
    kick(anew) {
      for (const lane of [polls, sends]) {
        lane.wake?.(0);
        if (anew) {
          lane.kicked = true;
          lane.ctl?.abort();
        }
      }
    },
    leave() {
      if (token.length) {
        if (!closing) me.close(1001, "");
        const body = request();
        if (!g.navigator.sendBeacon?.(io, body)) post(io, body).catch(() => {});
      }
      stop();
    },
  };
  sessions.add(me);
  open();
  return me;
};

/** @type {T.Socket} */
const socket = (ws, u, list, plain, why) => {
  const url = u.href, known = memory[u.origin] ||= recall(u.origin);
  let state = 0, protocol = "", buffered = 0, pending = 0, leave = () => {};
  /** @type {BinaryType} */
  let binary = "blob";
  /** @type {T.Transport} */
  let transport = "connecting";
  /** @type {string | undefined} */
  let cause;
  /** @type {WebSocket | undefined} */
  let native;
  /** @type {T.Session | undefined} */
  let fallback;

  // At once, unless something waits for its task.
  /** @type {T.Emit} */
  const emit = (later, fn) => {
    if (!later && !pending) return fn();
    pending++;
    task(() => {
      pending--;
      fn();
    });
  };
  const open = (chosen = "", later = true) => emit(later, () => {
    if (state) return;
    state = 1;
    protocol = chosen;
    ws.dispatchEvent(new Event("open"));
  });
  /** @type {T.Message} */
  const message = (later, data) => emit(later, () => {
    if (state != 1) return;
    if (binary == "blob" && typeof data != "string") data = new Blob([data]);
    ws.dispatchEvent(new MessageEvent("message", { data, origin: u.origin }));
  });
  const close = (later = true, code = 1006, reason = "", wasClean = false, error = !wasClean) => emit(later, () => {
    if (state > 2) return;
    state = 3;
    live.delete(ws);
    if (error) ws.dispatchEvent(new Event("error"));
    ws.dispatchEvent(new Close("close", { code, reason, wasClean }));
  });
  const fail = () => {
    state = 2;
    leave();
    close();
  };
  const status = () => ({ url, transport, cause, rtt: known.rtt });
  const carry = (kind = transport) => {
    transport = kind;
    g.dispatchEvent?.(new CustomEvent("towpath", { detail: status() }));
  };

  const fall = (why = cause) => {
    cause = why;
    fallback = session(url, list, known, {
      open,
      message: (data) => message(true, data),
      close: (code, reason) => close(true, code, reason, code != 1006),
      acked: (size) => buffered -= size,
      kind: carry,
    });
    leave = fallback.stop;
  };

  /** @type {T.Dial} */
  const dial = (Native) => {
    const cid = random(), begun = now(), full = new URL(url);
    if (!plain) full.search += (full.search ? "&" : "?") + "~towpath=" + cid;
    const it = new Native(full.href, list);
    it.binaryType = "arraybuffer";
    let opened = 0, answered = 0, timer = 0, asking = false, failed = false, left = false;
    /** @type {CloseEvent | undefined} */
    let dead;
    /** @type {(value?: unknown) => void} */
    let wake = () => {};
    const patience = () => Math.min(8e3, trips(known, 3e3));

    leave = () => {
      left = true;
      clearTimeout(timer);
      wake();
      it.onopen = it.onmessage = it.onerror = it.onclose = null;
      it.close();
    };
    const closed = () => dead && close(false, dead.code, dead.reason, dead.wasClean, failed);
    const show = (later = true) => {
      if (native) return;
      native = it;
      open(it.protocol, later);
      carry("websocket");
      closed();
    };
    const blocked = (cause = "blocked", sure = true) => {
      leave();
      if (sure) decide(known, "bad", cause);
      fall(cause);
    };

    const weigh = async () => {
      if (asking) return wake();
      asking = true;
      for (let pause = 125; ;) {
        const before = dead || opened, a = await check(known, url, cid);
        if (left || native) return;
        if (before != (dead || opened)) continue;
        if (!a || a > 0) {
          if (opened && !dead) return show();
          if (dead || !a) return fail();
          plain = true;
          return;
        }
        const { status, by, code, heard } = a, ended = status == "closed", age = now() - (opened || begun);
        if (status == "refused") return fail();
        if (opened) {
          if (ended ? by == "client" && !code : dead) return blocked("cut");
          if (heard && !dead) decide(known, "good");
          if (heard || ended) return show();
          if (age >= trips(known, 2e3)) return blocked("mute");
        } else if (dead) {
          // The browser itself gives up if no subprotocol was chosen.
          if (status != "connecting") return blocked("blocked", status == "unseen" || !list.length);
        } else if (ended || status == "unseen" && age >= patience()) return blocked();
        else if (status == "open" && now() - (answered ||= now()) >= 2e3) return blocked("mute");
        await new Promise((done) => {
          wake = done;
          timer = setTimeout(done, pause = Math.min(2 * pause, 1e3));
        });
      }
    };

    it.onopen = () => {
      opened = now();
      clearTimeout(timer);
      plain || verdict(known) == "good" ? show(false) : weigh();
    };
    it.onmessage = ({ data }) => {
      known.worked = true;
      if (now() - opened > 2e3) known.deaths = 0;
      if (!plain && verdict(known) != "good") decide(known, "good");
      show();
      message(false, data);
    };
    it.onerror = () => failed = true;
    it.onclose = async (e) => {
      const cut = e.code == 1006;
      dead = e;
      clearTimeout(timer);
      if (!native && !plain) return opened && !cut ? show() : weigh();
      closed();
      if (now() - opened > 1e4) known.deaths = 0;
      else if (cut && !plain) {
        const { status, by, code } = await check(known, url, cid) || {};
        if ((status == "open" || status == "closed" && by == "client" && !code) && ++known.deaths > 1)
          decide(known, "bad", "cut");
      }
    };
    if (!plain) timer = setTimeout(weigh, patience());
  };

  if (!why && !plain)
    why = options.force || !options.native ? "configured" : verdict(known) == "bad" ? known.cause : "";
  if (Native && !why) dial(Native);
  else fall(why);
  live.set(ws, status);

  return {
    on: {},
    url,
    get readyState() {
      return state == 1 && native ? Math.min(2, native.readyState) : state;
    },
    get bufferedAmount() {
      return buffered + (native?.bufferedAmount || 0);
    },
    get extensions() {
      return state && native?.extensions || "";
    },
    get protocol() {
      return protocol;
    },
    get binaryType() {
      return binary;
    },
    set binaryType(type) {
      if (/^(blob|arraybuffer)$/.test(type)) binary = type;
    },
    send(data) {
      const is = {}.toString.call(data).slice(8, -1), view = ArrayBuffer.isView(data);
      const blob = is == "Blob" || is == "File", raw = view || is == "ArrayBuffer";
      if (!blob && !raw) data = `${data}`;
      if (!state) raise("InvalidStateError", "still connecting");
      if (native) return native.send(data);
      if (!blob) data = view ? join(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
        : raw ? join(new Uint8Array(data)) : encode(data);
      buffered += data.size ?? data.length;
      if (state == 1) fallback?.send(raw || blob ? 2 : 1, data);
    },
    close(code, reason) {
      if (code !== undefined && (code = Math.round(code)) != 1000 && !(code >= 3000 && code < 5000))
        raise("InvalidAccessError", "the code is not 1000 or 3000 to 4999");
      if (reason !== undefined && encode(reason = `${reason}`).length > 123) raise("SyntaxError", "the reason exceeds 123 bytes");
      if (!state) fail();
      else if (state < 2) {
        state = 2;
        if (native) native.close(code, reason);
        else fallback?.close(code || (reason ? 1000 : 0), reason || "");
      }
    },
  };
};

/** @type {T.Hosts} */
const named = (list) => new Set([...list].map((host) => new URL("wss://" + host.trim()).host));
const tag = g.document?.currentScript?.dataset.hosts || g.location?.host;
let hosts = named(tag ? tag.split(",") : []);
/** @type {T.Options} */
const options = { native: true, stream: true };
/** @type {Map<object, () => T.Status>} */
const live = new Map();
/** @type {WeakMap<object, ReturnType<T.Socket>>} */
const sockets = new WeakMap();
/** @type {T.Of} */
const of = (ws) => /** @type {T.Core} */ (sockets.get(ws));

/** @type {typeof CloseEvent} */
const Close = g.CloseEvent || class CloseEvent extends Event {
  constructor(type = "", init = {}) {
    super(type);
    Object.assign(this, init);
  }
};

const WS = class WebSocket extends EventTarget {
  /** @param {string} url @param {any} protocols */
  constructor(url, protocols = []) {
    if (!arguments.length) throw new TypeError("no URL");
    let u;
    try {
      u = new URL(new URL(url, g.document?.baseURI || g.location?.href).href.replace(/^http/, "ws"));
    } catch {}
    if (!u || !/^wss?:[^#]*$/.test(u.href)) return raise("SyntaxError", `'${url}' is no URL of a WebSocket`);
    const ours = hosts.has(u.host);
    if (!ours && !Native) raise("NotSupportedError", `no WebSocket here, and '${u.host}' is no configured host`);
    if (!ours && new.target == WS) return new /** @type {any} */ (Native)(url, protocols);
    const list = (Object(protocols) === protocols && protocols[Symbol.iterator] ? [...protocols] : [protocols]).map((p) => `${p}`);
    if (!list.every((p) => /^[!#$%&'*+\-.^`|~\w]+$/.test(p)) || new Set(list.map((p) => p.toLowerCase())).size < list.length)
      raise("SyntaxError", `'${list}' are no distinct subprotocols`);
    super();
    sockets.set(this, socket(this, u, list, !!Native && (!ours || options.force == "native"), Native ? "" : "no WebSocket here"));
  }
  /** @param {any} data */
  send(data) {
    if (!arguments.length) throw new TypeError("nothing to send");
    of(this).send(data);
  }
  /** @param {[number?, string?]} args */
  close(...args) {
    of(this).close(...args);
  }
  /** @param {any} it */
  static [Symbol.hasInstance](it) {
    return super[Symbol.hasInstance](it) || this == WS && !!Native && it instanceof Native;
  }
};

const proto = WS.prototype, define = Object.defineProperty, enumerable = true, configurable = true;
/** @this {object} @param {any} type */
function setBinaryType(type) {
  of(this).binaryType = type;
}
for (const name of ["url", "readyState", "bufferedAmount", "extensions", "protocol", "binaryType"])
  define(proto, name, {
    enumerable,
    configurable,
    get() {
      return of(this)[name];
    },
    set: name == "binaryType" ? setBinaryType : undefined,
  });
for (const type of ["open", "error", "close", "message"])
  define(proto, "on" + type, {
    enumerable,
    configurable,
    get() {
      return of(this).on[type]?.fn ?? null;
    },
    // The listener keeps the place where the handler was first set, until it is set to null.
    set(fn) {
      const { on } = of(this), old = on[type], ws = this;
      if (Object(fn) !== fn) {
        ws.removeEventListener(type, old);
        delete on[type];
      } else if (old) old.fn = fn;
      else ws.addEventListener(type, on[type] = {
        fn,
        handleEvent(/** @type {Event} */ e) {
          if (typeof this.fn == "function") this.fn.call(ws, e);
        },
      });
    },
  });
for (const where of [WS, proto]) ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].forEach((name, value) => define(where, name, { value, enumerable }));
for (const name of ["send", "close"]) define(proto, name, { enumerable });
define(proto, Symbol.toStringTag, { value: "WebSocket", configurable });

/** @type {T.Towpath} */
const towpath = {
  version: "0.1.0",
  configure({ hosts: list, ...others }) {
    if (list) hosts = named(list);
    Object.assign(options, others);
  },
  status: () => Object.assign([...live.values()].map((status) => status()), {
    verdicts: Object.fromEntries(Object.values(memory).map((known) =>
      [known.origin, { verdict: verdict(known) || "unknown", cause: known.cause, until: known.until }])),
  }),
};
define(WS, "towpath", { value: towpath });
define(g, "WebSocket", { value: WS, writable: true, configurable });

for (const type of ["online", "pageshow", "visibilitychange", "pagehide"])
  g.addEventListener?.(type, ({ persisted = false }) => {
    for (const one of sessions)
      if (type != "pagehide") one.kick(persisted || type == "online");
      else if (!persisted) one.leave();
  });
})();
