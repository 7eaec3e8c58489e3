// Handshakes: what the backend is asked, what it may choose, and how it says no.
import { Conversation } from './conversation.js';

// A refusal, and that nobody asked twice.
async function refused(...where) {
  const it = new Conversation(...where);
  const { socket } = it;
  await it.until('close');
  return { page: it.seen, state: socket.readyState, protocol: socket.protocol, backend: await it.record(0) };
}

async function chosen(...protocols) {
  const it = await Conversation.open('/echo', ...protocols);
  const { protocol } = it.socket;
  return { protocol, ...(await it.end()) };
}

export const handshake = {
  'no subprotocol': () => chosen(),
  'no subprotocol in a list': () => chosen([]),
  'a subprotocol of several': () => chosen(['chat.v0', 'chat.v1']),
  'a subprotocol alone': () => chosen('chat.v1'),
  // A browser gives up then, in a way that looks to its backend like an accident.
  async 'none of the subprotocols is chosen'() {
    const { page, state, protocol } = await refused('/echo', ['chat.v0']);
    return { page, state, protocol };
  },

  'refused with 401': () => refused('/refuse?status=401'),
  'refused with 403': () => refused('/refuse?status=403'),
  'refused with 404': () => refused('/refuse?status=404'),
  'refused with 500': () => refused('/refuse?status=500'),
  'sent elsewhere': () => refused('/refuse?status=302'),

  async 'path and query are kept'() {
    const it = await Conversation.open('/echo?room=7&name=gr%C3%BC%C3%9Fe&empty=&room=8');
    const url = it.socket.url.replace(location.host, 'HOST').replace(it.id, 'ID');
    return { url, ...(await it.end()) };
  },

  async 'what the backend is told of the browser'() {
    document.cookie = 'flavour=oat';
    const it = await Conversation.open('/headers');
    const headers = JSON.parse((await it.messages(1))[0]);
    await it.end();
    const { cookie, origin, host } = headers;
    return {
      cookie,
      origin: origin === location.origin,
      host: host === location.host,
      agent: headers['user-agent'] === navigator.userAgent,
      language: headers['accept-language'] ?? null,
      authorization: headers.authorization ?? null,
    };
  },
};
