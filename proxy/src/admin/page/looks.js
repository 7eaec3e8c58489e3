// What was seen at each look: rates and latencies are what has changed between two.

import { quantile } from './metrics.js';
import { DIALECTS } from './words.js';

const KEPT = 300;
// Latencies are those of so many seconds.
const WINDOW = 30;
// A name, and which of its samples count.
const LATENCIES = [
  ['towpath_handshake_duration_seconds', ({ transport }) => transport === 'websocket'],
  ['towpath_handshake_duration_seconds', ({ transport }) => transport !== 'websocket'],
  ['towpath_request_duration_seconds', () => true],
  ['towpath_ping_rtt_seconds', ({ side }) => side === 'client'],
  ['towpath_ping_rtt_seconds', ({ side }) => side === 'backend'],
];

function carried(metrics, unit) {
  const sessions = DIALECTS.map((dialect) => metrics.sum(`towpath_session_${unit}_total`, { dialect }));
  return [metrics.sum(`towpath_tunnel_${unit}_total`), ...sessions];
}

export class Looks {
  #taken = [];

  take(status, metrics) {
    const at = Date.now() / 1000;
    const last = this.#taken.at(-1);
    // Another process counts from the beginning.
    const previous = last?.pid === status.pid ? last : undefined;
    const taken = {
      at,
      pid: status.pid,
      open: [status.tunnels, ...DIALECTS.map((dialect) => metrics.sum('towpath_sessions', { dialect }))],
      messages: carried(metrics, 'messages'),
      bytes: carried(metrics, 'bytes'),
      buckets: LATENCIES.map(([name, counts]) => metrics.buckets(name, counts)),
      rates: {},
    };
    for (const unit of ['messages', 'bytes']) {
      taken.rates[unit] = taken[unit].map((now, index) =>
        previous ? Math.max(0, now - previous[unit][index]) / (at - previous.at) : null,
      );
    }
    this.#taken.push(taken);
    if (this.#taken.length > KEPT) this.#taken.shift();
    return taken;
  }

  // Of each look, when it was and what is wanted of it.
  rows(of) {
    return this.#taken.map((it) => [it.at, ...of(it)]);
  }

  latencies(taken, share) {
    const earlier = this.#taken.find((it) => it.pid === taken.pid && it.at >= taken.at - WINDOW);
    return taken.buckets.map((now, index) => quantile(share, earlier.buckets[index], now));
  }
}
