// The operator's page: asks the admin listener that it came from every two seconds, and shows what it says.

import { Chart, POWERS_OF_TWO } from './chart.js';
import { ask, by } from './elements.js';
import { listen, refreshLive } from './live.js';
import { Looks } from './looks.js';
import { parse } from './metrics.js';
import * as now from './now.js';
import * as words from './words.js';

const EVERY = 2000;

const charts = {
  messages: new Chart('messages', words.TRANSPORTS, words.count),
  bytes: new Chart('bytes', words.TRANSPORTS, words.bytes, POWERS_OF_TWO),
  open: new Chart('open', words.TRANSPORTS, words.count),
  latency: new Chart(
    'latency',
    ['WebSockets opened', 'Sessions opened', 'Plain requests', 'Pings to clients', 'Pings to backends'],
    words.latency,
  ),
};
const looks = new Looks();
let configHash = null;

function draw() {
  for (const unit of ['messages', 'bytes']) charts[unit].show(looks.rows((it) => it.rates[unit]));
  charts.open.show(looks.rows((it) => it.open));
  const share = Number(by('quantile').value);
  charts.latency.show(looks.rows((it) => looks.latencies(it, share)));
}

async function showConfig(hash) {
  if (hash === configHash) return;
  const config = await (await ask('api/config')).json();
  by('config').textContent = JSON.stringify(config, null, 2);
  configHash = hash;
}

async function refresh() {
  const [status, metrics] = await Promise.all([
    ask('api/status').then((it) => it.json()),
    ask('metrics').then(async (it) => parse(await it.text())),
    refreshLive(),
  ]);
  const taken = looks.take(status, metrics);
  now.showProcess(status);
  now.showReload(status.last_reload);
  now.showFigures(status, metrics, taken);
  now.showCauses(metrics);
  now.showRoutes(metrics);
  now.showServers(status.upstreams);
  draw();
  await showConfig(status.config_hash);
}

async function round() {
  try {
    await refresh();
    by('silence').hidden = true;
  } catch (error) {
    by('silence').textContent = `No answer: ${error.message}. What is shown may be old; asking again.`;
    by('silence').hidden = false;
  }
  setTimeout(round, EVERY);
}

by('quantile').addEventListener('change', draw);
listen();
round();
