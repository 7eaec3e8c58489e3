// Messages: their kinds, sizes and order, and how they are accounted for.
import { Conversation, content } from './conversation.js';

const MEBIBYTE = 1 << 20;

export const messages = {
  async texts() {
    const it = await Conversation.open('/echo');
    const texts = ['', 'plain', 'grüße 👋', '\ud800 lone', 'a\udc00b', '\ufeffmarked', 'nul \0', '\u2028'];
    for (const text of texts) it.socket.send(text);
    await it.messages(texts.length);
    return it.end();
  },

  async 'what is no text becomes one'() {
    const it = await Conversation.open('/echo');
    const values = [42, null, undefined, true, { toString: () => 'object' }, [1, 2]];
    for (const value of values) it.socket.send(value);
    await it.messages(values.length);
    return it.end();
  },

  async 'binary as ArrayBuffer'() {
    const it = await Conversation.open('/echo');
    it.socket.binaryType = 'arraybuffer';
    const bytes = Uint8Array.from({ length: 16 }, (_, n) => n * 17);
    const kinds = [
      bytes.buffer,
      new ArrayBuffer(0),
      bytes,
      bytes.subarray(3, 7),
      new Uint16Array(bytes.buffer, 2, 3),
      new Float64Array([1.5]),
      new DataView(bytes.buffer, 5, 4),
      new Blob([bytes.subarray(0, 2), 'text']),
      new Blob([]),
      new File(['in a file'], 'name'),
    ];
    for (const kind of kinds) it.socket.send(kind);
    await it.messages(kinds.length);
    return it.end();
  },

  async 'binary as Blob'() {
    const it = await Conversation.open('/echo');
    for (const kind of [new Uint8Array([0, 255]), new Uint8Array(), new Blob(['blob'], { type: 'text/plain' })])
      it.socket.send(kind);
    const blobs = await it.messages(3);
    const contents = await Promise.all(blobs.map(async (blob) => content(await blob.arrayBuffer())));
    return { contents, ...(await it.end()) };
  },

  async binaryType() {
    const it = new Conversation('/echo');
    const { socket } = it;
    const types = [socket.binaryType];
    for (const type of ['arraybuffer', 'text', '', 'Blob', null, 'blob']) {
      socket.binaryType = type;
      types.push(socket.binaryType);
    }
    await it.until('open');
    for (const [n, type] of ['arraybuffer', 'blob', 'arraybuffer'].entries()) {
      socket.binaryType = type;
      socket.send(new Uint8Array([n]));
      await it.messages(n + 1);
    }
    return { types, ...(await it.end()) };
  },

  async 'what is sent may change afterwards'() {
    const it = await Conversation.open('/echo');
    it.socket.binaryType = 'arraybuffer';
    const bytes = new Uint8Array([1, 2, 3]);
    it.socket.send(bytes);
    it.socket.send(bytes.buffer);
    bytes.fill(9);
    await it.messages(2);
    return it.end();
  },

  async 'a mebibyte of text'() {
    const it = await Conversation.open('/echo');
    const text = 'aü€👋'.repeat(MEBIBYTE / 10);
    it.socket.send(text);
    const [echo] = await it.messages(1);
    return { same: echo === text, ...(await it.end()) };
  },

  async 'a mebibyte of bytes'() {
    const it = await Conversation.open('/echo');
    it.socket.binaryType = 'arraybuffer';
    const bytes = Uint8Array.from({ length: MEBIBYTE }, (_, n) => (n * 31 + (n >> 8)) & 255);
    it.socket.send(bytes);
    const echo = new Uint8Array((await it.messages(1))[0]);
    return { same: echo.length === MEBIBYTE && echo.every((byte, n) => byte === bytes[n]), ...(await it.end()) };
  },

  async 'ten thousand in order'() {
    const it = await Conversation.open('/echo');
    for (let n = 0; n < 10_000; n++) it.socket.send(`${n}`);
    const echoes = await it.messages(10_000);
    const backend = await it.record(0);
    const wrong = (list) => list.findIndex((text, n) => text !== `${n}`);
    it.socket.close(1000);
    await it.until('close');
    return { echoes: echoes.length, wrong: [wrong(echoes), wrong(backend.heard)], heard: backend.heard.length };
  },

  async 'order does not depend on the kind'() {
    const it = await Conversation.open('/echo');
    it.socket.binaryType = 'arraybuffer';
    const kinds = ['first', new Blob(['second']), 'third', new Uint8Array([4]), new Blob([new Uint8Array(70_000)]), 'sixth'];
    for (const kind of kinds) it.socket.send(kind);
    it.socket.close(3000, 'last');
    return it.story();
  },

  async bufferedAmount() {
    const it = await Conversation.open('/echo');
    const { socket } = it;
    const amounts = [socket.bufferedAmount];
    const send = (data) => {
      socket.send(data);
      amounts.push(socket.bufferedAmount);
    };
    for (const data of ['hé', new Blob(['12345']), new Uint8Array(MEBIBYTE), '', new ArrayBuffer(7)]) send(data);
    await it.messages(5);
    while (socket.bufferedAmount > 0) await new Promise((resolve) => setTimeout(resolve));
    amounts.push(socket.bufferedAmount);
    const story = await it.end();
    const before = socket.bufferedAmount;
    socket.send('never sent');
    return { amounts, 'grows after the end': socket.bufferedAmount > before, ...story };
  },

  async 'each message has its own task'() {
    const it = await Conversation.open('/say?count=5');
    const order = [];
    const { promise, resolve } = Promise.withResolvers();
    it.socket.onmessage = ({ data }) => {
      order.push(data);
      queueMicrotask(() => order.push(`after ${data}`));
      if (data === '5') setTimeout(resolve);
    };
    await promise;
    return { order, ...(await it.end()) };
  },
};
