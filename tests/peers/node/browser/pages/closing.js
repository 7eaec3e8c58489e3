// Ends: from both sides, with and without a code and a reason, in every state.
import { Conversation, outcome } from './conversation.js';

const longest = `${'ü'.repeat(61)}x`; // 123 bytes of UTF-8

async function closes(...how) {
  const it = await Conversation.open('/echo');
  const { socket } = it;
  const states = [socket.readyState];
  socket.close(...how);
  states.push(socket.readyState);
  const story = await it.story();
  return { states: [...states, socket.readyState], ...story };
}

const closed = (query) => new Conversation(`/close?${query}`).story();

const invalid = [
  [999], [1001], [1005], [1006], [2999], [5000], [66_536], [-1], [0], [NaN], [null], ['x'], [{}], [Symbol('code')],
  [1000, 'x'.repeat(124)], [3000, 'ü'.repeat(62)], [999, 'x'.repeat(124)], [1000, Symbol('reason')],
];
const refusals = (socket) => invalid.map((how) => outcome(() => socket.close(...how)));

export const closing = {
  'close()': () => closes(),
  'close(1000)': () => closes(1000),
  'close(1000, reason)': () => closes(1000, 'bye'),
  'close(3000)': () => closes(3000),
  'close(4999, longest reason)': () => closes(4999, longest),
  'close(1000, "")': () => closes(1000, ''),
  'close of what is no number': () => closes('3001', 42),
  'close of a lone surrogate': () => closes(3000, 'a\ud800'),
  'close of a fraction': () => closes(4999.4),

  'backend: close()': () => closed(''),
  'backend: close(1000)': () => closed('code=1000'),
  'backend: close(1000, reason)': () => closed('code=1000&reason=bye'),
  'backend: close(1001)': () => closed('code=1001'),
  'backend: close(1011, reason)': () => closed('code=1011&reason=grüße'),
  'backend: close(3000)': () => closed('code=3000'),
  'backend: close(4999, longest reason)': () => closed(`code=4999&reason=${longest}`),
  'backend: last words': () => closed('say=50&code=4000&reason=done'),
  // An error comes before such a close (RFC 6455, §7.2.1), though Chromium's own WebSocket leaves it out.
  async 'backend: cut off'() {
    const { page, backend } = await new Conversation('/cut').story();
    return { page: page.filter(({ type }) => type !== 'error'), backend };
  },

  async 'close with much under way'() {
    const it = await Conversation.open('/hear');
    it.socket.send(new Uint8Array(1 << 20));
    for (const text of ['one', 'two', 'three']) it.socket.send(text);
    it.socket.close(3000, 'all said');
    return it.story();
  },

  async 'invalid codes and reasons'() {
    const it = new Conversation('/echo');
    const connecting = refusals(it.socket);
    await it.until('open');
    const open = refusals(it.socket);
    const states = [it.socket.readyState];
    const story = await it.end();
    return { connecting, open, states, over: refusals(it.socket), ...story };
  },

  async 'close before it is open'() {
    const it = new Conversation('/never');
    const { socket } = it;
    const states = [socket.readyState];
    socket.close(3000, 'never mind');
    states.push(socket.readyState, it.seen.length);
    await it.until('close');
    socket.close();
    return { states: [...states, socket.readyState], page: it.seen };
  },

  async 'send before it is open'() {
    const it = new Conversation('/echo');
    const sent = outcome(() => it.socket.send('too early'));
    const { bufferedAmount } = it.socket;
    await it.until('open');
    return { sent, bufferedAmount, ...(await it.end()) };
  },

  async 'close as soon as it is open'() {
    const it = new Conversation('/say?count=3');
    it.socket.onopen = () => it.socket.close(3000, 'at once');
    return it.story();
  },

  async 'nothing is heard after close()'() {
    const it = new Conversation('/say?count=5');
    it.socket.onmessage = ({ data }) => data === '2' && it.socket.close(3000, 'enough');
    return it.story();
  },

  async 'only the first close() counts'() {
    const it = await Conversation.open('/echo');
    it.socket.close(3000, 'first');
    const again = [outcome(() => it.socket.close(3001, 'second')), outcome(() => it.socket.send('too late'))];
    const story = await it.story();
    return { again, afterwards: [outcome(() => it.socket.close()), outcome(() => it.socket.send('far too late'))], ...story };
  },

  async 'close in the close handler'() {
    const it = await Conversation.open('/close?code=4000');
    it.socket.onclose = () => it.socket.close(3000);
    return it.story();
  },
};
