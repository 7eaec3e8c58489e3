// All checks, one after the other; what each has seen is the same whatever carries the WebSockets.
import { closing } from './closing.js';
import { face } from './face.js';
import { handshake } from './handshake.js';
import { messages } from './messages.js';

const DEADLINE = 15_000;

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing happened for ${DEADLINE} ms`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export async function run() {
  const transports = new Set();
  addEventListener('towpath', ({ detail }) => transports.add(detail.transport));
  const reports = [];
  for (const [name, story] of Object.entries({ ...messages, ...closing, ...handshake, ...face })) {
    try {
      reports.push({ check: name, ok: true, seen: await within(story(), name) });
    } catch (error) {
      reports.push({ check: name, ok: false, seen: String(error.stack ?? error) });
    }
  }
  reports.push({ check: 'transports', ok: true, seen: [...transports].sort() });
  return reports;
}
