// The class and its objects, as a script can look at them.
import { Conversation, outcome } from './conversation.js';

const wanting = [
  [], ['ftp://example.com'], ['ws://example.com/#part'], ['/echo#'], ['ws://'], ['//'], ['ws://host:99999/'], ['mailto:x'], ['about:blank'],
  ['/echo', ''], ['/echo', 'a b'], ['/echo', 'a,b'], ['/echo', 'ü'], ['/echo', ['a', 'a']], ['/echo', ['', 'a']],
  ['/echo', Symbol('protocol')], [Symbol('url')],
];

// What is no fault is made for real; it is closed before it can open.
function made(...how) {
  return outcome(() => {
    const socket = new WebSocket(...how);
    socket.close();
    return socket.url.replaceAll(location.host, 'HOST');
  });
}

const members = ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol', 'binaryType', 'onopen', 'onerror', 'onclose', 'onmessage', 'close', 'send', 'CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'];

function member(name) {
  const { enumerable, configurable, writable, get, set, value } = Object.getOwnPropertyDescriptor(WebSocket.prototype, name) ?? {};
  const kind = typeof value === 'function' ? 'function' : value;
  return [name, { enumerable, configurable, writable, get: typeof get, set: typeof set, value: kind }];
}

export const face = {
  async 'what cannot be made'() {
    return { wanting: wanting.map((how) => made(...how)), 'without new': outcome(() => WebSocket('/echo')) };
  },

  async 'what can be made'() {
    const { host } = location;
    const urls = ['/a/../b c?d e', `http://${host}/x`, `WS://${host}`, 'relative', `ws://${host}/ü?ü`, '?only=query'];
    return [...urls.map((url) => made(url)), made(new URL('/echo', location.href)), made('/echo', 'a'), made('/echo', new Set(['a', 'b']))];
  },

  async 'the class'() {
    return {
      name: WebSocket.name,
      length: WebSocket.length,
      constants: ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'].map((name) => [WebSocket[name], Object.getOwnPropertyDescriptor(WebSocket, name)]),
      members: Object.fromEntries(members.map(member)),
      parent: Object.getPrototypeOf(WebSocket) === EventTarget,
      tag: String(WebSocket.prototype),
      global: Object.getOwnPropertyDescriptor(globalThis, 'WebSocket').enumerable,
      calls: [WebSocket.prototype.send.length, WebSocket.prototype.close.length],
    };
  },

  async 'an object'() {
    const it = await Conversation.open('/echo');
    const { socket } = it;
    for (const name of ['url', 'readyState', 'bufferedAmount', 'protocol', 'extensions', 'OPEN']) outcome(() => (socket[name] = 'other'));
    const seen = {
      kinds: [socket instanceof WebSocket, socket instanceof EventTarget, socket.constructor === WebSocket, {} instanceof WebSocket],
      tag: String(socket),
      keys: Object.keys(socket),
      enumerated: members.filter((name) => { for (const key in socket) if (key === name) return true; return false; }),
      states: [socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED, socket.readyState],
      values: [socket.bufferedAmount, socket.protocol, socket.extensions, socket.url.startsWith('ws://')],
      borrowed: [
        outcome(() => WebSocket.prototype.send.call({}, 'x')),
        outcome(() => WebSocket.prototype.close.call({})),
        outcome(() => WebSocket.prototype.url),
        outcome(() => socket.send()),
      ],
    };
    return { ...seen, ...(await it.end()) };
  },

  async 'a class of their own'() {
    class Chat extends WebSocket {
      hello() {
        return `hello from ${this.constructor.name}`;
      }
    }
    const chat = new Chat('/echo');
    const seen = [chat instanceof Chat, chat instanceof WebSocket, chat.hello(), chat.readyState];
    await new Promise((resolve) => (chat.onopen = resolve));
    chat.close();
    await new Promise((resolve) => (chat.onclose = resolve));
    return [...seen, chat.readyState];
  },

  async handlers() {
    const it = new Conversation('/echo');
    const { socket } = it;
    const order = [];
    const before = socket.onopen;
    socket.onopen = function (event) {
      order.push(['handler', this === socket, event.target === socket, event.currentTarget === socket]);
    };
    socket.addEventListener('open', { handleEvent: () => order.push('object') });
    socket.addEventListener('open', () => order.push('once'), { once: true });
    const removed = () => order.push('removed');
    socket.addEventListener('open', removed);
    socket.removeEventListener('open', removed);
    socket.onopen = () => order.push('the handler was replaced and kept its place');
    const values = ['text', 7, {}, null].map((value) => {
      socket.onmessage = value;
      return socket.onmessage === value;
    });
    await it.until('open');
    socket.dispatchEvent(new Event('open'));
    return { before, values, order, ...(await it.end()) };
  },
};
