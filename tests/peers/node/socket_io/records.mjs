// What a server saw of each client, named by its query: ?id=I
//
//   GET /records?id=I&ended=N   the record of the client named I, once N of its connections have ended
import { EventEmitter, once } from 'node:events';

const bell = new EventEmitter().setMaxListeners(0);
const records = new Map();

// `polls`: HTTP requests that name a transport, but for those by which a browser asks whether it may; `handshakes`: WebSockets, each by its URL;
// `opened` and `ended`: connections in the protocol's own sense.
function record(id) {
  if (!records.has(id)) records.set(id, { polls: 0, handshakes: [], opened: [], ended: [] });
  return records.get(id);
}

const queryOf = ({ url }) => new URL(url, 'http://localhost').searchParams;

export const opened = (id, name) => record(id).opened.push(name);

export function ended(id, reason) {
  record(id).ended.push(reason);
  bell.emit('ring');
}

// To be called when all others listen already: the protocols' servers keep their requests from whoever did before them.
export function watch(http) {
  http.prependListener('request', (request) => {
    const query = queryOf(request);
    if (query.has('transport') && request.method !== 'OPTIONS') record(query.get('id')).polls += 1;
  });
  // Where nobody listens for upgrades, they are requests like any other.
  if (http.listenerCount('upgrade') === 0) return;
  http.prependListener('upgrade', (request) => record(queryOf(request).get('id')).handshakes.push(request.url));
}

export async function look(request) {
  const query = queryOf(request);
  const seen = record(query.get('id'));
  while (seen.ended.length < Number(query.get('ended') ?? 0)) await once(bell, 'ring');
  return JSON.stringify(seen);
}
