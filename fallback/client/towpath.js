/*! towpath-client 0.1.0, MIT OR Apache-2.0. See README.md */
(() => {
/** @import * as T from "./types.js" */
/** @type {any} */
const g = globalThis, Native = g.WebSocket;
if (Native?.towpath) return;

const now = () => Date.now();
const nothing = () => {};
const encode = (text = "") => new TextEncoder().encode(text);
const decode = (bytes = encode()) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const error = (name = "", message = "") => new DOMException(message, name);

// Timers would be slowed down.
/** @type {(() => void)[]} */
const tasks = [];
const { port1, port2 } = new MessageChannel();
const task = g.setImmediate || ((fn = nothing) => {
	port1.onmessage = () => tasks.shift()?.();
	tasks.push(fn);
	port2.postMessage(0);
});

const random = () =>
	btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))
		.slice(0, 22).replace(/\W/g, (c) => c == "+" ? "-" : "_");

const join = (/** @type {ArrayLike<number>[]} */ ...parts) => {
	const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
	parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
	return all;
};

/** @type {(...list: number[]) => number[]} */
const numbers = (...list) =>
	list.flatMap((n) => n < 128 ? n : [n % 128 | 128, ...numbers(Math.floor(n / 128))]);

const endpoint = (url = "", name = "") => {
	const u = new URL(url);
	u.pathname = u.pathname.replace(/\/?$/, `/~towpath/1/${name}$&`);
	u.username = u.password = "";
	if (name != "open") u.search = "";
	return name == "probe" ? u.href : u.href.replace("ws", "http");
};

const newLane = () => ({
	busy: false, fails: 0, since: 0, timer: 0, late: false, kicked: false, ctl: new AbortController(), wake: nothing,
});

const post = (url = "", body = /** @type {any} */ (0), lane = newLane(), keepalive = false) => fetch(url, {
	method: "POST", body, keepalive, signal: lane.ctl.signal, credentials: "include", redirect: "error", cache: "no-store",
});

const deadline = (lane = newLane(), ms = 0) => {
	clearTimeout(lane.timer);
	if (ms) lane.timer = setTimeout(() => lane.ctl.abort(lane.late = true), ms);
};

const begin = (lane = newLane(), ms = 0) => {
	Object.assign(lane, { ctl: new AbortController(), late: false, kicked: false, since: now() });
	deadline(lane, ms);
};
const again = (lane = newLane()) => lane.ctl.abort(lane.kicked = true);

const ask = async (url = "", body = {}, ms = 0, lane = newLane()) => {
	begin(lane, ms);
	try {
		const r = await post(url, JSON.stringify({ towpath: 1, ...body }), lane);
		if (r.status == 403 || r.status == 404) return r.status;
		const answer = r.status == 200 && await r.json();
		if (answer.towpath === 1) return answer;
	} catch {} finally {
		deadline(lane);
	}
};

/** @type {any} */
const memory = {};
const store = () => g.document.defaultView.localStorage;
const recall = (origin = "") => {
	/** @type {any} */
	let old = {};
	try {
		old = JSON.parse(store()["towpath " + origin]);
	} catch {}
	return {
		origin, verdict: "", cause: "", until: 0, noStream: 0, wait: 0, rtt: 0, probeAt: 0, ...old?.until > now() && old,
		deaths: 0, worked: false, crowd: 0, held: 0,
	};
};
const keep = (known = recall()) => {
	try {
		if (known.verdict != "bad" || !known.worked) store()["towpath " + known.origin] = JSON.stringify(known);
	} catch {}
};
const decide = (known = recall(), verdict = "", cause = "") => {
	Object.assign(known, { verdict, cause, until: now() + 9e5, deaths: 0, probeAt: now() + 6e4 });
	keep(known);
};
const verdict = (known = recall()) => known.until > now() ? known.verdict : known.verdict = "";
const trips = (known = recall(), least = 0) => Math.max(least, 4 * known.rtt);
const measure = (known = recall(), since = 0) => {
	const ms = now() - since;
	known.rtt = 0.7 * (known.rtt || ms) + 0.3 * ms;
};

const check = async (known = recall(), url = "", cid = "") => {
	const start = now(), answer = await ask(endpoint(url, "check"), { cid }, trips(known, 5e3));
	if (answer) measure(known, start);
	return answer;
};

const cutOff = (/** @type {any} */ a) => a.status == "closed" && a.by == "client" && !a.code;

const probe = (known = recall(), url = "") => {
	if (!options.native || verdict(known) != "bad" || now() < known.probeAt) return;
	known.probeAt = now() + 3e5;
	const ws = new Native(endpoint(url, "probe")), say = () => ws.send("?");
	let heard = 0;
	ws.onopen = say;
	ws.onmessage = () => heard++ ? (decide(known), ws.close()) : setTimeout(say, 1e3);
	setTimeout(() => ws.close(), 8e3);
};

const sessions = new Map();

/** @type {T.Open} */
const session = (url, list, known, up) => {
	const io = endpoint(url, "io"), polls = newLane(), sends = newLane();
	/** @type {[T.Frame[], Uint8Array[]]} */
	let [sent, parts] = [[], []];
	let added = Promise.resolve();
	let token = encode(), serial = 0, got = 0, acked = 0, credit = 0, body = 0, longest = 0, spacing = 0;
	let alive = now(), resume = 6e4, cutAt = 0, short = 0, unacked = 0, ackTimer = 0, ackNow = false;
	let over = false, gone = false, closing = false, textual = false, stream = false, suspect = false;

	const open = async () => {
		const offer = { nonce: random(), protocols: list, stream: options.stream };
		while (!gone) {
			const a = await ask(endpoint(url, "open"), offer, 15e3 + trips(known, 5e3), polls);
			if (gone) return;
			if (a?.status == "ok") {
				token = encode(a.token);
				({ resume, buffer: credit, spacing } = a);
				body = a.max_body - 400;
				longest = Math.min(a.wait, known.wait || a.wait);
				stream = a.stream && options.stream && known.noStream < now();
				alive = now();
				polls.fails = 0;
				if (list[0] && !a.protocol) return end(), me.leave();
				up.open(a.protocol);
				up.carry("polling");
				return run(polls);
			}
			if (a && a.status != "busy") {
				if (a > 0 || a.status == "policy") decide(known);
				return end();
			}
			await rest(polls, Math.max(a?.retry_after || 0, failed(polls)));
		}
	};

	const stop = () => {
		if (!gone) known.crowd--;
		over = gone = true;
		sessions.delete(me);
		clearTimeout(ackTimer);
		me.kick(true);
	};

	const end = () => {
		if (!over) up.close(1006, "");
		stop();
	};

	const rest = (lane = polls, ms = 0) => new Promise((done) => setTimeout(lane.wake = () => done(0), ms));

	const failed = (lane = polls) => {
		if (now() - alive > resume) end();
		return Math.min(8e3, 250 * 2 ** lane.fails++) * (1 - Math.random() / 2);
	};
	const add = (type = 0, data = encode()) => {
		for (let at = 0, size = Math.min(16384, body); !at || at < data.length; at += size) {
			const part = data.subarray(at, at + size), as = at + size < data.length ? type + 2 : at ? 5 : type;
			sent.push({ bytes: join([as], numbers(part.length), part), size: type < 8 ? part.length : 0 });
		}
		task(() => run(sends));
	};

	const run = async (lane = polls) => {
		if (lane.busy) return;
		lane.busy = true;
		while (lane == polls ? !over : !gone && token.length && now() >= short && (ackNow || sent.length)) {
			const poll = lane == polls, crowd = poll && known.crowd > 3, full = crowd && known.held > 2;
			known.held += +poll;
			const pause = full ? 60 : await exchange(lane) || +crowd && 150;
			known.held -= +poll;
			if (pause && !gone) await rest(lane, pause);
			if (poll && !over) {
				run(sends);
				probe(known, url);
			}
		}
		lane.busy = false;
		if (lane == sends && over) stop();
	};

	const pick = () => {
		let room = Math.min(credit, body / 2 ** sends.fails);
		return sent.filter(({ bytes }, n) => (room -= bytes.length + 16) >= 0 || !n);
	};

	const request = (flags = 0, wait = 0, frames = sent) => {
		clearTimeout(ackTimer);
		ackTimer = unacked = 0;
		ackNow = false;
		const head = numbers(++serial, got, wait, 1 << 20, frames.length && acked + 1);
		return join(encode("TP1"), [flags], numbers(token.length), token, head, ...frames.map((f) => f.bytes));
	};

	const exchange = async (lane = polls) => {
		const poll = lane == polls, single = poll && now() < short, brief = single || known.crowd > 3, flow = poll && !brief && stream;
		const frames = poll && !single ? [] : pick(), wait = !poll ? 0 : brief ? 1e3 : longest;
		const mine = request(+flow, wait, frames), id = serial;
		const held = frames[0]?.bytes.length > credit ? 5e3 : 0, grace = trips(known, 5e3) * 2 ** Math.min(sends.fails, 3);
		let buffer = encode(), at = 0, mark = 0, status = -1, advice = 0, next = 0, padded = false, whole = false;
		const take = (n = 1) => {
			if (at + n > buffer.length) throw take;
			return buffer.subarray(at, at += n);
		};
		/** @type {() => number} */
		const number = () => {
			const [byte] = take();
			return byte < 128 ? byte : byte - 128 + 128 * number();
		};

		begin(lane, flow ? trips(known, 2e3) : wait + held + grace);
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
						whole = !flow || said > 0;
						lane.fails = 0;
						if (status < 6) {
							credit = room;
							for (; sent.length && acked < ack; acked++) up.acked(sent.shift()?.size || 0);
						}
						if (!poll && !held) measure(known, lane.since);
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
				if (flow && padded) up.carry("streaming");
				if (!flow || padded) deadline(lane, flow ? 35e3 : grace);
			}
			if (!whole || at < buffer.length) throw 0;
		} catch {
			lane.ctl.abort();
			return gone || lane.kicked ? 0 : lost(lane, wait, flow, padded);
		} finally {
			deadline(lane);
		}

		if (poll && now() - lane.since >= cutAt) cutAt = 0;
		if (poll && suspect) {
			suspect = false;
			known.noStream = now() + 9e5;
			keep(known);
		}
		if (status > 4 && status < 9) end();
		return status ? Math.max(advice, spacing) : advice;
	};

	const lost = (lane = polls, wait = 0, flow = false, padded = false) => {
		const { since, late } = lane, age = now() - since;
		if (lane == sends) {
			if (late && polls.busy && polls.since < since) {
				short = now() + 3e5;
				me.kick(true);
			}
		} else if (flow && (late || padded && age < 1e4)) {
			// Buffered, or no network: the next poll tells.
			stream = false;
			suspect = true;
			up.carry("polling");
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
		unacked += data.length + 256;
		if (type == 8) {
			const odd = data[0] & 1;
			up.close(odd ? 1006 : data[1] * 256 + data[2] || 1005, odd ? "" : decode(data.subarray(3)));
			over = true;
			sent.length = short = 0;
			resume = 5e3;
			again(polls);
			sends.wake();
			return ack();
		}
		parts.push(data);
		if (type < 5) textual = type % 2 > 0;
		if (type < 3 || type > 4) {
			const all = join(...parts);
			parts = [];
			up.message(textual ? decode(all) : all.buffer);
		}
		if (flow) unacked < 65536 ? ackTimer ||= setTimeout(ack, 1e3) : ack();
	};

	/** @type {T.Session} */
	const me = {
		stop,
		send(type, data) {
			added = added.then(async () => add(type, data instanceof Uint8Array ? data : new Uint8Array(await data.arrayBuffer()))).catch(end);
		},
		close(code, reason) {
			closing = true;
			resume = Math.min(resume, 1e4);
			alive = now();
			me.send(8, join([0, code >> 8, code], encode(reason)));
		},
		kick(anew) {
			for (const lane of [polls, sends]) {
				lane.wake();
				if (anew) deadline(lane), again(lane);
			}
		},
		leave() {
			if (token.length) {
				if (!closing) add(8, Uint8Array.of(0, 3, 233));
				const body = request();
				if (!g.navigator?.sendBeacon?.(io, body)) post(io, body, newLane(), true).catch(nothing);
			}
			stop();
		},
	};
	sessions.set(me, 0);
	if (++known.crowd == 4) for (const [one] of sessions) one.kick(true);
	open();
	return me;
};

/** @type {T.Socket} */
const socket = (ws, u, list, plain, why) => {
	const url = u.href, known = memory[u.origin] ||= recall(u.origin);
	let state = 0, protocol = "", buffered = 0, pending = 0, cause = "", leave = nothing;
	/** @type {any} */
	let [binary, transport, native, fallback, dead] = ["blob", "connecting"];

	const emit = (later = true, fn = nothing) => {
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
	const message = (later = true, data = /** @type {any} */ ("")) => emit(later, () => {
		if (state != 1) return;
		if (binary == "blob" && typeof data != "string") data = new Blob([data]);
		ws.dispatchEvent(new MessageEvent("message", { data, origin: u.origin }));
	});
	const close = (later = true, code = 1006, reason = "", wasClean = false, failed = !wasClean) => emit(later, () => {
		if (state > 2) return;
		state = 3;
		live.delete(ws);
		if (failed) ws.dispatchEvent(new Event("error"));
		ws.dispatchEvent(new Close("close", { code, reason, wasClean }));
	});
	const fail = () => {
		state = 2;
		leave();
		close();
	};
	const status = () => ({ url, transport, cause, rtt: known.rtt });
	const carry = (by = transport) => {
		if (transport == by) return;
		transport = by;
		g.dispatchEvent?.(new CustomEvent("towpath", { detail: status() }));
	};

	const fall = (why = "") => {
		cause = why;
		fallback = session(url, list, known, {
			open,
			message: (data) => message(true, data),
			close: (code, reason) => close(true, code, reason, code != 1006),
			acked: (size) => buffered -= size,
			carry,
		});
		leave = fallback.stop;
	};

	const dial = () => {
		const cid = random(), begun = now(), full = new URL(url);
		if (!plain) full.search += (full.search ? "&" : "?") + "~towpath=" + cid;
		/** @type {WebSocket} */
		const it = new Native(full.href, list);
		it.binaryType = "arraybuffer";
		let opened = 0, answered = 0, timer = 0, asking = false, failed = false, left = false, wake = nothing;
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
				const { status, heard } = a, ended = status == "closed", age = now() - (opened || begun);
				if (status == "refused") return fail();
				if (opened) {
					if (ended ? cutOff(a) : dead) return blocked("cut");
					if (heard && !dead && !verdict(known)) decide(known, "good");
					if (heard || ended) return show();
					if (age >= trips(known, 2e3)) return blocked("mute");
				} else if (dead) {
					if (status != "connecting") return blocked("blocked", status == "unseen" || !list[0]);
				} else if (ended || status == "unseen" && age >= patience()) return blocked();
				else if (status == "open" && now() - (answered ||= now()) >= 2e3) return blocked("mute");
				await new Promise((done) => timer = setTimeout(wake = () => done(0), pause = Math.min(2 * pause, 1e3)));
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
			if (!plain && !verdict(known)) decide(known, "good");
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
				const a = await check(known, url, cid) || {};
				if ((a.status == "open" || cutOff(a)) && ++known.deaths > 1) decide(known, "bad", "cut");
			}
		};
		if (!plain) timer = setTimeout(weigh, patience());
	};

	if (!why && !plain)
		why = options.force || !options.native ? "configured" : verdict(known) == "bad" && known.cause;
	why ? fall(why) : dial();
	live.set(ws, status);

	/** @type {T.Core} */
	const core = {
		url,
		get readyState() { return state == 1 && native ? Math.min(2, native.readyState) : state; },
		get bufferedAmount() { return buffered + (native?.bufferedAmount || 0); },
		get extensions() { return state && native?.extensions || ""; },
		get protocol() { return protocol; },
		get binaryType() { return binary; },
		set binaryType(type) { if (/^(blob|arraybuffer)$/.test(type)) binary = type; },
		send(data) {
			const is = {}.toString.call(data).slice(8, -1);
			const blob = is == "Blob" || is == "File", raw = is == "ArrayBuffer" || ArrayBuffer.isView(data);
			if (!blob && !raw) data = `${data}`;
			if (!state) throw error("InvalidStateError", "connecting");
			if (native) return native.send(data);
			if (raw) data = join(new Uint8Array(data.buffer || data, data.byteOffset, data.byteLength));
			else if (!blob) data = encode(data);
			buffered += data.size ?? data.length;
			if (state == 1) fallback?.send(raw || blob ? 2 : 1, data);
		},
		close(code, reason) {
			if (code !== undefined && (code = Math.round(code)) != 1000 && !(code >= 3000 && code < 5000))
				throw error("InvalidAccessError", `bad code ${code}`);
			if (reason !== undefined && encode(reason = `${reason}`).length > 123) throw error("SyntaxError", "reason too long");
			if (!state) fail();
			else if (state < 2) {
				state = 2;
				if (native) native.close(code, reason);
				else fallback?.close(code || (reason ? 1000 : 0), reason || "");
			}
		},
	};
	for (const type of events) {
		/** @type {any} */
		let handler = null;
		const listener = (e = new Event(type)) => typeof handler == "function" && handler.call(ws, e);
		define(core, "on" + type, {
			get: () => handler,
			set(fn) {
				handler = Object(fn) === fn ? fn : null;
				handler ? ws.addEventListener(type, listener) : ws.removeEventListener(type, listener);
			},
		});
	}
	return core;
};

/** @param {Iterable<string>} list */
const named = (list) => new Set([...list].map((host) => new URL("wss://" + host).host));
let hosts = named((g.document?.currentScript?.dataset.hosts || g.location?.host || "").match(/[^,\s]+/g) || []);
/** @type {T.Options} */
const options = { native: true, stream: true };
const live = new Map();
const sockets = new WeakMap();
const define = Object.defineProperty, enumerable = true, configurable = true;
const events = ["open", "error", "close", "message"];

const Close = g.CloseEvent || class CloseEvent extends Event {
	constructor(type = "", init = {}) {
		Object.assign((super(type), this), init);
	}
};

const WS = class WebSocket extends EventTarget {
	/** @param {string} url @param {any} protocols */
	constructor(url, protocols = []) {
		if (!arguments.length) throw new TypeError("no argument");
		let u;
		try {
			u = new URL(new URL(url, g.document?.baseURI || g.location?.href).href.replace(/^http/, "ws"));
		} catch {}
		if (!u || !/^wss?:[^#]*$/.test(u.href)) throw error("SyntaxError", `bad '${url}'`);
		const ours = hosts.has(u.host);
		if (!ours && !Native) throw error("NotSupportedError", u.host);
		if (!ours && new.target == WS) return new Native(url, protocols);
		const list = (Object(protocols) === protocols && protocols[Symbol.iterator] ? [...protocols] : [protocols]).map((p) => `${p}`);
		if (!list.every((p) => /^[!#$%&'*+\-.^`|~\w]+$/.test(p)) || new Set(list.map((p) => p.toLowerCase())).size < list.length)
			throw error("SyntaxError", `bad '${list}'`);
		super();
		sockets.set(this, socket(this, u, list, Native && (!ours || options.force == "native"), Native ? "" : "no WebSocket here"));
	}
	/** @param {any} data */
	send(data) {
		if (!arguments.length) throw new TypeError("no argument");
		sockets.get(this).send(data);
	}
	/** @param {[number?, string?]} args */
	close(...args) {
		sockets.get(this).close(...args);
	}
	/** @param {any} it */
	static [Symbol.hasInstance](it) {
		return super[Symbol.hasInstance](it) || this == WS && !!Native && it instanceof Native;
	}
};

const proto = WS.prototype, settable = ["binaryType", ...events.map((type) => "on" + type)];
for (const name of ["url", "readyState", "bufferedAmount", "extensions", "protocol", ...settable])
	define(proto, name, {
		enumerable, configurable,
		get() {
			return sockets.get(this)[name];
		},
		...settable.includes(name) && {
			set(/** @type {any} */ value) {
				sockets.get(this)[name] = value;
			},
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
	forget: (origin = "") => decide(memory[origin] ||= recall(origin)),
	status: () => Object.assign(Array.from(live.values(), (status) => status()), { verdicts: structuredClone(memory) }),
};
define(WS, "towpath", { value: towpath });
g.WebSocket = WS;

for (const type of ["online", "pageshow", "visibilitychange", "pagehide"])
	g.addEventListener?.(type, ({ persisted = false }) => {
		for (const [one] of sessions)
			if (type != "pagehide") one.kick(persisted || type == "online");
			else if (!persisted) one.leave();
	});
})();
