// How it is now: figures, bars and tables.

import { by, cell, element, nothing } from './elements.js';
import { DIALECTS, TRANSPORTS } from './words.js';
import * as words from './words.js';

const VERDICTS = {
  unseen: 'never arrived: blocked on its way',
  connecting: 'still connecting',
  refused: 'refused',
  open: 'open here, unheard there: blocked on its way back',
  closed: 'closed',
};

function bars(id, rows, none) {
  const most = Math.max(...rows.map(([, value]) => value), 0);
  by(id).replaceChildren(
    ...rows.flatMap(([label, value]) => {
      const filled = element('i');
      filled.style.width = `${most ? (100 * value) / most : 0}%`;
      return [
        element('span', {}, label),
        element('span', { className: 'bar' }, filled),
        element('span', { className: 'count' }, words.count(value)),
      ];
    }),
    ...(rows.length ? [] : [element('p', {}, none)]),
  );
}

function sum(values) {
  return values.some((it) => it === null) ? null : values.reduce((all, it) => all + it, 0);
}

export function showFigures(status, metrics, taken) {
  const all = status.tunnels + status.sessions;
  // A client that has come over to a WebSocket of its own is no longer one of the fallback's.
  const fallen = Math.max(0, status.sessions - metrics.sum('towpath_session_websockets'));
  const figures = [
    [words.count(status.connections), 'connections'],
    [words.count(status.tunnels), 'WebSockets'],
    [words.count(status.sessions), 'fallback sessions'],
    [all ? `${((100 * fallen) / all).toFixed(1)} %` : '–', 'use the fallback'],
    [words.count(sum(taken.rates.messages)), 'messages/s'],
    [words.bytes(sum(taken.rates.bytes)), 'per second'],
    [words.bytes(status.session_memory_bytes + status.traffic.tunnel_buffered_bytes), 'wait for receivers'],
    [words.bytes(metrics.sum('process_resident_memory_bytes')), 'resident memory'],
  ];
  by('figures').replaceChildren(
    ...figures.map(([value, label]) => element('div', {}, element('b', {}, value), element('span', {}, label))),
  );
}

export function showProcess(status) {
  const [word, mood] = status.draining ? ['draining', 'warn'] : status.ready ? ['ready', 'good'] : ['not ready', 'bad'];
  Object.assign(by('state'), { textContent: word, className: `pill ${mood}` });
  const facts = [
    ['version', status.version],
    ['process', status.pid],
    ['up', words.age(status.uptime_seconds)],
    ['configuration', status.config_hash],
  ];
  if (status.predecessors) facts.push(['earlier processes still draining', status.predecessors]);
  by('process').replaceChildren(
    ...facts.map(([key, value]) => element('div', {}, element('dt', {}, key), element('dd', {}, String(value)))),
  );
}

// One that was not taken is told at the top, with the mistakes as `towpath check` says them.
export function showReload(reload) {
  const when = reload && `${new Date(reload.at * 1000).toLocaleString('en-GB')}, ${reload.cause}`;
  by('reload').textContent = reload
    ? `last reload ${reload.error ? 'not taken' : 'taken'} (${when})`
    : 'not reloaded since the process began';
  by('refused-reload').hidden = !reload?.error;
  by('refused-reload-when').textContent = when ? `(${when}); what was in force still is.` : '';
  by('refused-reload-why').textContent = reload?.error ?? '';
}

export function showCauses(metrics) {
  const sessions = DIALECTS.map((dialect) => metrics.sum('towpath_sessions_opened_total', { dialect }));
  const opened = [metrics.sum('towpath_tunnels_opened_total'), ...sessions];
  bars('share', opened.map((value, index) => [TRANSPORTS[index], value]), '');
  const checks = metrics.by('towpath_websocket_checks_total', 'verdict');
  bars('checks', checks.map(([verdict, value]) => [VERDICTS[verdict] ?? verdict, value]), 'Nobody has asked.');
  const said = (name, label) => metrics.by(name, label).slice(0, 8).map(([it, value]) => [words.said(it), value]);
  bars('unopened', said('towpath_session_opens_refused_total', 'reason'), 'None.');
  bars('rejections', said('towpath_rejections_total', 'reason'), 'Nobody.');
  bars('failures', said('towpath_upstream_failures_total', 'reason'), 'Nothing.');
  const over = [...said('towpath_tunnels_closed_total', 'ended_by'), ...said('towpath_sessions_closed_total', 'ended_by')];
  const ends = new Map();
  for (const [who, value] of over) ends.set(who, (ends.get(who) ?? 0) + value);
  bars('ends', [...ends].sort((a, b) => b[1] - a[1]), 'None.');
}

export function showRoutes(metrics) {
  const names = metrics.values('route');
  by('routes').replaceChildren(
    ...names.map((route) => {
      const requests = metrics.sum('towpath_requests_total', { route });
      const failed = metrics.sum('towpath_requests_total', { route, code: '5xx' });
      return element(
        'tr',
        {},
        cell('Route', route, 'name'),
        cell('WebSockets', words.count(metrics.sum('towpath_tunnels', { route })), 'number'),
        cell('Sessions', words.count(metrics.sum('towpath_sessions', { route })), 'number'),
        cell('Requests', words.count(requests), 'number'),
        cell('5xx', words.count(failed), failed ? 'number bad-text' : 'number'),
      );
    }),
    ...(names.length ? [] : [nothing('Nobody has come yet.', 5)]),
  );
  offerRoutes(names);
}

function offerRoutes(names) {
  const select = by('route');
  const offered = [...select.options].slice(1).map((it) => it.value);
  const isSame = names.length === offered.length && names.every((name, index) => name === offered[index]);
  if (isSame) return;
  const chosen = select.value;
  while (select.options.length > 1) select.remove(1);
  for (const name of names) select.add(new Option(name, name));
  select.value = names.includes(chosen) ? chosen : '';
}

export function showServers(upstreams) {
  const mood = { healthy: 'good', ejected: 'warn', unhealthy: 'bad' };
  const row = (name, server) =>
    element(
      'tr',
      {},
      cell('Upstream', name, 'name'),
      cell('Server', server.address),
      cell('State', element('span', { className: `pill ${mood[server.state] ?? ''}` }, server.state)),
      cell('Active', words.count(server.active), 'number'),
    );
  const rows = upstreams.flatMap(({ name, servers }) =>
    servers.length ? servers.map((server) => row(name, server)) : [nothing(`${name}: no server is known.`, 4)],
  );
  by('servers').replaceChildren(...rows);
}
