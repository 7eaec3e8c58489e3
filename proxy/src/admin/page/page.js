// The operator's page: asks the admin listener that it came from every two seconds, and shows what it says.

import { Chart, POWERS_OF_TWO } from './chart.js';
import { parse, quantile } from './metrics.js';
import * as words from './words.js';

const EVERY = 2000;
const KEPT = 300;
const WINDOW = 30;
const DIALECTS = ['towpath', 'sockjs', 'engine_io'];
const LATENCIES = [
  ['towpath_handshake_duration_seconds', {}],
  ['towpath_request_duration_seconds', {}],
  ['towpath_ping_rtt_seconds', { side: 'client' }],
  ['towpath_ping_rtt_seconds', { side: 'backend' }],
];
const CHECKS = {
  unseen: 'Never arrived: blocked on its way',
  connecting: 'Still connecting',
  refused: 'Refused',
  open: 'Open here, unheard there: blocked on its way back',
  closed: 'Closed',
};

const $ = (id) => document.getElementById(id);
const transports = ['WebSocket', 'Towpath', 'SockJS', 'Engine.IO'];
const charts = {
  messages: new Chart('messages', transports, words.count),
  bytes: new Chart('bytes', transports, words.bytes, POWERS_OF_TWO),
  open: new Chart('open', ['WebSockets', 'Fallback sessions'], words.count),
  latency: new Chart('latency', ['Handshakes', 'Plain requests', 'Pings to clients', 'Pings to backends'], words.latency),
};
const looks = [];
let configHash = null;

// Elements are made of text alone: names and paths of clients are never read as markup.
function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`${response.status}: ${(await response.text()).trim()}`);
  return response;
}

// ---- Charts

function carried(metrics, unit) {
  const sessions = DIALECTS.map((dialect) => metrics.sum(`towpath_session_${unit}_total`, { dialect }));
  return [metrics.sum(`towpath_tunnel_${unit}_total`), ...sessions];
}

function look(status, metrics) {
  const at = Date.now() / 1000;
  // Another process counts from the beginning.
  if (looks.at(-1)?.pid !== status.pid) looks.forEach((it) => (it.other = true));
  const previous = looks.at(-1)?.other ? undefined : looks.at(-1);
  const taken = {
    at,
    pid: status.pid,
    open: [status.tunnels, status.sessions],
    messages: carried(metrics, 'messages'),
    bytes: carried(metrics, 'bytes'),
    buckets: LATENCIES.map(([name, labels]) => metrics.buckets(name, labels)),
  };
  const rate = (unit) =>
    taken[unit].map((now, index) =>
      previous ? Math.max(0, now - previous[unit][index]) / (at - previous.at) : null,
    );
  taken.rates = { messages: rate('messages'), bytes: rate('bytes') };
  looks.push(taken);
  if (looks.length > KEPT) looks.shift();
  return taken;
}

function before(taken) {
  return looks.find((it) => it.pid === taken.pid && it.at >= taken.at - WINDOW);
}

function latencies(taken) {
  const share = Number($('quantile').value);
  const earlier = before(taken);
  return taken.buckets.map((now, index) => quantile(share, earlier.buckets[index], now));
}

function draw() {
  for (const unit of ['messages', 'bytes']) {
    charts[unit].show(looks.map((it) => [it.at, ...it.rates[unit]]));
  }
  charts.open.show(looks.map((it) => [it.at, ...it.open]));
  charts.latency.show(looks.map((it) => [it.at, ...latencies(it)]));
}

// ---- Figures, bars and tables

function bars(id, rows, nothing) {
  const most = Math.max(...rows.map(([, value]) => value), 0);
  $(id).replaceChildren(
    ...rows.flatMap(([label, value]) => {
      const filled = element('i');
      filled.style.width = `${most ? (100 * value) / most : 0}%`;
      return [
        element('span', {}, label),
        element('span', { className: 'bar' }, filled),
        element('span', { className: 'count' }, words.count(value)),
      ];
    }),
    ...(rows.length ? [] : [element('p', {}, nothing)]),
  );
}

function sum(values) {
  return values.some((it) => it === null) ? null : values.reduce((all, it) => all + it, 0);
}

function showFigures(status, metrics, taken) {
  const all = status.tunnels + status.sessions;
  const figures = [
    [words.count(status.connections), 'connections'],
    [words.count(status.tunnels), 'WebSockets'],
    [words.count(status.sessions), 'fallback sessions'],
    [all ? `${((100 * status.sessions) / all).toFixed(1)} %` : '–', 'use the fallback'],
    [words.count(sum(taken.rates.messages)), 'messages/s'],
    [words.bytes(sum(taken.rates.bytes)), 'per second'],
    [words.bytes(status.session_memory_bytes), 'held for sessions'],
    [words.bytes(metrics.sum('process_resident_memory_bytes')), 'resident memory'],
  ];
  $('figures').replaceChildren(
    ...figures.map(([value, label]) => element('div', {}, element('b', {}, value), element('span', {}, label))),
  );
}

function showProcess(status) {
  const [word, mood] = status.draining ? ['draining', 'warn'] : status.ready ? ['ready', 'good'] : ['not ready', 'bad'];
  Object.assign($('state'), { textContent: word, className: `pill ${mood}` });
  const facts = [
    ['version', status.version],
    ['process', status.pid],
    ['up', words.age(status.uptime_seconds)],
    ['configuration', status.config_hash],
  ];
  if (status.predecessors) facts.push(['earlier processes still draining', status.predecessors]);
  $('process').replaceChildren(
    ...facts.map(([key, value]) => element('div', {}, element('dt', {}, key), element('dd', {}, String(value)))),
  );
  const reload = status.last_reload;
  const at = reload && new Date(reload.at * 1000).toLocaleString();
  $('reload').textContent = reload
    ? `last reload ${at} (${reload.cause}): ${reload.error ? `not taken: ${reload.error}` : 'taken'}`
    : 'not reloaded since the process began';
  $('reload').className = reload?.error ? 'pill bad' : 'quiet';
}

function showCauses(status, metrics) {
  const open = DIALECTS.map((dialect) => metrics.sum('towpath_sessions_opened_total', { dialect }));
  const rows = [metrics.sum('towpath_tunnels_opened_total'), ...open].map((value, index) => [transports[index], value]);
  bars('share', rows, '');
  const checks = Object.entries(status.checks).map(([verdict, value]) => [CHECKS[verdict] ?? verdict, value]);
  bars('checks', checks.filter(([, value]) => value > 0), 'Nobody has asked yet.');
  bars('rejections', metrics.by('towpath_rejections_total', 'reason').slice(0, 8), 'Nobody yet.');
  bars('ends', metrics.by('towpath_tunnels_closed_total', 'ended_by'), 'None yet.');
}

function showServers(upstreams) {
  const mood = { healthy: 'good', ejected: 'warn', unhealthy: 'bad' };
  $('servers').replaceChildren(
    ...upstreams.flatMap(({ name, servers }) =>
      servers.map((server) =>
        element(
          'tr',
          {},
          element('td', {}, name),
          element('td', {}, server.address),
          element('td', {}, element('span', { className: `pill ${mood[server.state] ?? ''}` }, server.state)),
          element('td', { className: 'number' }, words.count(server.active)),
        ),
      ),
    ),
  );
}

function showLive({ count, live }) {
  $('listed').textContent = live.length < count ? `the youngest ${live.length} of ${words.count(count)}` : words.count(count);
  // A row whose button is about to be pressed stays in its place.
  const rows = new Map([...$('live').children].map((row) => [row.dataset.id, row]));
  const wanted = live.map((it) => {
    const row = rows.get(String(it.id)) ?? rowOf(it);
    const [age, client, backend] = row.querySelectorAll('.number');
    age.textContent = words.age(it.age_seconds);
    client.textContent = `${words.count(it.client_messages)} · ${words.bytes(it.client_bytes)}`;
    backend.textContent = `${words.count(it.backend_messages)} · ${words.bytes(it.backend_bytes)}`;
    return row;
  });
  const same = wanted.length === rows.size && wanted.every((row, index) => $('live').children[index] === row);
  if (!same) $('live').replaceChildren(...wanted);
}

function rowOf(it) {
  const path = `${it.host}${it.path}`;
  const kind = it.kind === 'tunnel' ? 'WebSocket' : transports[1 + DIALECTS.indexOf(it.dialect)];
  const button = element('button', { type: 'button', onclick: () => offerToClose(it, path) }, 'Close…');
  button.setAttribute('aria-label', `Close ${it.id}, ${it.client}`);
  const cell = (text, className = '') => element('td', { className }, text);
  const row = element(
    'tr',
    {},
    cell(kind),
    cell(it.client),
    Object.assign(cell(path, 'path'), { title: path }),
    cell(it.route),
    cell(it.server ?? '–'),
    ...['', '', ''].map((text) => cell(text, 'number')),
    element('td', {}, button),
  );
  row.dataset.id = it.id;
  return row;
}

async function showConfig(hash) {
  if (hash === configHash) return;
  const config = await (await ask('api/config')).json();
  $('config').textContent = JSON.stringify(config, null, 2);
  configHash = hash;
}

// ---- Closing one

function offerToClose(it, path) {
  $('whom').textContent = `${it.kind === 'tunnel' ? 'The WebSocket' : 'The session'} of ${it.client} at ${path}`;
  $('refused').textContent = '';
  $('close').dataset.id = it.id;
  $('close').showModal();
}

$('confirm').addEventListener('click', async (event) => {
  event.preventDefault();
  if (!$('code').reportValidity()) return;
  const { id } = $('close').dataset;
  try {
    await ask(`api/close?id=${id}&code=${$('code').value}`, { method: 'POST' });
    $('close').close();
    await refreshLive();
  } catch (error) {
    $('refused').textContent = error.message;
  }
});

// ---- The round

async function refreshLive() {
  const filter = new URLSearchParams(new FormData($('filter')));
  showLive(await (await ask(`api/live?${filter}`)).json());
}

async function refresh() {
  const [status, metrics] = await Promise.all([
    ask('api/status').then((it) => it.json()),
    ask('metrics').then(async (it) => parse(await it.text())),
    refreshLive(),
  ]);
  const taken = look(status, metrics);
  showProcess(status);
  showFigures(status, metrics, taken);
  showCauses(status, metrics);
  showServers(status.upstreams);
  draw();
  await showConfig(status.config_hash);
}

async function round() {
  try {
    await refresh();
    $('silence').hidden = true;
  } catch (error) {
    $('silence').textContent = `No answer: ${error.message}. What is shown may be old; asking again.`;
    $('silence').hidden = false;
  }
  setTimeout(round, EVERY);
}

$('filter').addEventListener('submit', (event) => event.preventDefault());
$('filter').addEventListener('input', () => refreshLive().catch(() => {}));
$('quantile').addEventListener('change', draw);
round();
