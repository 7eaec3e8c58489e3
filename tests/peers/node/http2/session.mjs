// WebSockets as streams of one HTTP/2 connection (RFC 8441), with Node's own http2 and the frames of `ws`.
import { once } from 'node:events';
import { connect } from 'node:http2';
import WebSocket from 'ws';

export class Session {
  constructor(url, options) {
    this.session = connect(url, options);
    this.settings = once(this.session, 'remoteSettings').then(([settings]) => settings);
  }

  // The response to a request: its status, fields and content.
  async request(fields, content) {
    const stream = this.session.request(fields, { endStream: content === undefined });
    if (content !== undefined) stream.end(content);
    const [{ ':status': status, ...headers }] = await once(stream, 'response');
    return { status, headers, text: await read(stream) };
  }

  async connect(path, fields = {}) {
    await this.settings;
    const stream = this.session.request(
      { ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, 'sec-websocket-version': '13', ...fields },
      { endStream: false },
    );
    const [{ ':status': status, ...headers }] = await once(stream, 'response');
    return { stream, status, headers };
  }

  async websocket(path, fields) {
    const { stream, status, headers } = await this.connect(path, fields);
    if (status !== 200) throw new Error(`${path}: ${status}: ${await read(stream)}`);
    return new Conversation(stream, headers);
  }

  close() {
    this.session.destroy();
  }
}

export async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export class Conversation {
  #heard = [];
  #wake = () => {};

  constructor(stream, headers) {
    this.stream = stream;
    this.headers = headers;
    this.socket = new WebSocket(null, undefined, { closeTimeout: 5000 });
    this.socket._isServer = false; // its frames are masked
    const options = { allowSynchronousEvents: true, maxPayload: 0, skipUTF8Validation: false };
    this.socket.setSocket(stream, Buffer.alloc(0), options);
    this.closed = once(this.socket, 'close').then(([code, reason]) => ({ code, reason: reason.toString() }));
    this.socket.on('message', (data) => {
      this.#heard.push(data);
      this.#wake();
    });
  }

  send(message) {
    this.socket.send(message);
  }

  async hear() {
    while (this.#heard.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    return this.#heard.shift();
  }

  async echo(message) {
    this.send(message);
    return await this.hear();
  }
}
