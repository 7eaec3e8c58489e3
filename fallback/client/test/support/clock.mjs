// Time that passes only when nothing else is left to do, so that minutes of waiting take no time and a test's outcome
// does not hang on the machine's speed. Replaces the global timers and Date.now.
import { after } from "node:test";

/** How many turns of the event loop without a timer count as "nothing left to do". */
const QUIET = 40;

const turn = globalThis.setImmediate;
/** @type {Map<number, { at: number, fn: () => void }>} */
const timers = new Map();
let time = Date.UTC(2030, 0);
let id = 0;
let quiet = 0;
let running = false;
let over = false;

Date.now = () => time;
globalThis.setTimeout = /** @type {any} */ ((fn, ms = 0, ...args) => {
  timers.set(++id, { at: time + Math.max(0, ms), fn: () => fn(...args) });
  if (!running) {
    running = true;
    turn(pass);
  }
  return id;
});
globalThis.clearTimeout = /** @type {any} */ ((which) => timers.delete(which));

// Sockets that a test leaves behind would poll for ever.
after(() => {
  over = true;
});

function pass() {
  if (over) return;
  if (++quiet >= QUIET) {
    quiet = 0;
    let next;
    for (const [key, { at }] of timers) if (!next || at < next.at) next = { key, at };
    if (next) {
      const { fn } = timers.get(next.key);
      timers.delete(next.key);
      time = Math.max(time, next.at);
      fn();
    }
  }
  running = timers.size > 0;
  if (running) turn(pass);
}

/** Something happened from outside the timers: what follows from it comes before time goes on. */
export const busy = () => {
  quiet = 0;
};

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
