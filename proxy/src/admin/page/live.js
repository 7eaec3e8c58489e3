// The WebSockets and sessions that there are, and the way to close one.

import { ask, by, cell, element, nothing } from './elements.js';
import * as words from './words.js';

const COLUMNS = 10;

export async function refreshLive() {
  const filter = new URLSearchParams(/** @type {any} */ (new FormData(by('filter'))));
  show(await (await ask(`api/live?${filter}`)).json());
}

function show({ count, live }) {
  const some = live.length < count ? `the youngest ${live.length} of ` : '';
  by('listed').textContent = `${some}${words.count(count)}`;
  // A row whose button is about to be pressed stays in its place.
  const there = [...by('live').children];
  const rows = new Map(there.map((row) => [row.dataset.id, row]));
  const wanted = live.map((it) => {
    const row = rows.get(String(it.id)) ?? rowOf(it);
    const [age, client, backend, waiting] = row.querySelectorAll('.number');
    age.textContent = words.age(it.age_seconds);
    client.textContent = `${words.count(it.client_messages)} · ${words.bytes(it.client_bytes)}`;
    backend.textContent = `${words.count(it.backend_messages)} · ${words.bytes(it.backend_bytes)}`;
    waiting.textContent = it.buffered_bytes ? words.bytes(it.buffered_bytes) : '–';
    return row;
  });
  if (!wanted.length) wanted.push(rows.get('none') ?? noRow());
  const isSame = wanted.length === there.length && wanted.every((row, index) => there[index] === row);
  if (!isSame) by('live').replaceChildren(...wanted);
}

function noRow() {
  const row = nothing('Nobody is here, or nobody like that.', COLUMNS);
  row.dataset.id = 'none';
  return row;
}

function rowOf(it) {
  const path = `${it.host}${it.path}`;
  const kind = words.transport(it);
  const button = element('button', { type: 'button', onclick: () => offerToClose(it, path) }, 'Close…');
  button.setAttribute('aria-label', `Close ${it.id}, ${it.client}`);
  const numbers = ['Age', 'From client', 'From backend', 'Waiting'].map((label) => cell(label, '', 'number'));
  const row = element(
    'tr',
    {},
    cell('Kind', kind),
    cell('Client', it.client),
    Object.assign(cell('Host and path', path, 'path'), { title: path }),
    cell('Route', it.route, 'name'),
    cell('Server', it.server ?? '–'),
    ...numbers,
    element('td', { className: 'action' }, button),
  );
  row.dataset.id = it.id;
  return row;
}

function offerToClose(it, path) {
  by('whom').textContent = `${words.transport(it)} of ${it.client} at ${path}`;
  by('refused').textContent = '';
  by('close').dataset.id = it.id;
  by('close').showModal();
}

async function close(event) {
  event.preventDefault();
  if (!by('code').reportValidity()) return;
  const { id } = by('close').dataset;
  try {
    await ask(`api/close?id=${id}&code=${by('code').value}`, { method: 'POST' });
    by('close').close();
    await refreshLive();
  } catch (error) {
    by('refused').textContent = error.message;
  }
}

export function listen() {
  by('confirm').addEventListener('click', close);
  by('filter').addEventListener('submit', (event) => event.preventDefault());
  // What fails here is told in the next round.
  by('filter').addEventListener('input', () => refreshLive().catch(() => {}));
}
