// A WebSocket with a memory: all its events in their order, with whatever else of it can be seen then.

const known = (socket) => `ws://${location.host}` === new URL(socket.url).origin;

export function describe(event) {
  const { type, target } = event;
  const said = { type, state: target.readyState };
  if (type === 'open') Object.assign(said, { protocol: target.protocol, extensions: target.extensions });
  if (type === 'message') {
    const { data, origin, lastEventId, source, ports } = event;
    Object.assign(said, { data: content(data), origin: origin === new URL(target.url).origin, lastEventId, source, ports });
  }
  if (type === 'close') {
    const { code, reason, wasClean } = event;
    Object.assign(said, { code, reason, wasClean });
  }
  return { ...said, class: event.constructor.name, bubbles: event.bubbles, cancelable: event.cancelable, own: known(target) };
}

// What is longer than this is shown by its length.
const SHOWN = 200;

export function content(data) {
  if (typeof data === 'string') return data.length > SHOWN ? `${data.length} characters` : data;
  if (data instanceof Blob) return `Blob of ${data.size} bytes, type '${data.type}'`;
  if (data instanceof ArrayBuffer) return data.byteLength > SHOWN ? `${data.byteLength} bytes` : [...new Uint8Array(data)];
  return `neither text nor binary: ${data}`;
}

export class Conversation {
  constructor(path, ...protocols) {
    this.id = crypto.randomUUID();
    const url = new URL(path, location.href);
    url.protocol = 'ws';
    url.searchParams.set('id', this.id);
    this.events = { open: [], message: [], error: [], close: [] };
    this.seen = [];
    this.waiting = [];
    this.socket = new WebSocket(url.href, ...protocols);
    for (const type in this.events) {
      this.socket.addEventListener(type, (event) => {
        this.events[type].push(event);
        this.seen.push(describe(event));
        for (const wake of this.waiting.splice(0)) wake();
      });
    }
  }

  static async open(...where) {
    const conversation = new Conversation(...where);
    await conversation.until('open');
    return conversation;
  }

  // Waits for `count` events of this type, and gives them.
  async until(type, count = 1) {
    const events = this.events[type];
    while (events.length < count) await new Promise((resolve) => this.waiting.push(resolve));
    return events.slice(0, count);
  }

  async messages(count) {
    return (await this.until('message', count)).map(({ data }) => data);
  }

  // What the backend saw of it, once it is over there (`closes`: how many times).
  async record(closes = 1) {
    const { handshakes, heard, closes: ends } = await (await fetch(`/records?id=${this.id}&closes=${closes}`)).json();
    return { handshakes: handshakes.map((url) => url.replace(this.id, 'ID')), heard, closes: ends };
  }

  // All that both sides saw, once it is over.
  async story() {
    await this.until('close');
    return { page: this.seen, backend: await this.record() };
  }

  async end() {
    this.socket.close(1000);
    return await this.story();
  }
}

// What a call gives, or the name of what it throws.
export function outcome(call) {
  try {
    return { gives: call() ?? null };
  } catch (error) {
    return { throws: error.name, class: error.constructor.name };
  }
}
