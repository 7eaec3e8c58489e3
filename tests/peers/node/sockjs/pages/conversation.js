// A SockJS connection with a memory. In pages and in Node alike: whoever runs this brings the client.

// How long a transport has to open, in ms. What comes of a busy machine is no verdict on the only one; of several, the
// next may have its turn.
const patience = ({ length }) => (length > 1 ? 3_000 : 15_000);

export class Conversation {
  static latest = null;

  // `client`: { SockJS, base, transports, records }: the services are below `base`, the backend's records at `records`.
  constructor(client, path) {
    const { SockJS, base, transports } = client;
    this.client = client;
    this.id = crypto.randomUUID();
    this.messages = [];
    this.events = [];
    this.waiting = [];
    Conversation.latest = this;
    const url = `${base}${path}${path.includes('?') ? '&' : '?'}id=${this.id}`;
    this.socket = new SockJS(url, undefined, { transports, timeout: patience(transports) });
    this.socket.onopen = () => this.#happened('open');
    this.socket.onmessage = ({ data }) => {
      this.messages.push(data);
      this.#happened('message');
    };
    this.socket.onclose = ({ code, reason, wasClean }) => {
      this.end = { code, reason, wasClean };
      this.#happened('close');
    };
  }

  static async open(client, path) {
    const it = new Conversation(client, path);
    await it.until(() => it.events.length > 0);
    if (it.end) throw new Error(`not open but closed: ${JSON.stringify(it.end)}`);
    return it;
  }

  #happened(what) {
    this.events.push(what);
    for (const wake of this.waiting.splice(0)) wake();
  }

  async until(holds) {
    while (!holds()) await new Promise((resolve) => this.waiting.push(resolve));
  }

  toString() {
    const [first, ...others] = this.events.filter((what) => what !== 'message');
    return `${[first, `${this.messages.length} messages`, ...others].join(', ')} of ${this.socket.url}`;
  }

  // The first `count` messages, or an error that tells how it ended before.
  async hear(count) {
    await this.until(() => this.messages.length >= count || this.end);
    if (this.messages.length < count) {
      throw new Error(`${this.messages.length} messages of ${count}, then ${JSON.stringify(this.end)}`);
    }
    return this.messages.slice(0, count);
  }

  async closed() {
    await this.until(() => this.end);
    return { events: this.events, ...this.end };
  }

  // What the backend saw of it, once that is as much as is asked for: { heard: N, closes: N }.
  async record(asked = {}) {
    return (await fetch(`${this.client.records}/records?${new URLSearchParams({ id: this.id, ...asked })}`)).json();
  }
}
