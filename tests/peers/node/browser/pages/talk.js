// A short conversation, in a page or a worker.
import { Conversation } from './conversation.js';

export async function talk() {
  const it = await Conversation.open('/echo', 'chat.v1');
  it.socket.binaryType = 'arraybuffer';
  for (const kind of ['text', new Uint8Array([1, 2, 3]), new Blob(['blob'])]) it.socket.send(kind);
  await it.messages(3);
  const carried = globalThis.WebSocket.towpath?.status()[0]?.transport ?? null;
  return { carried: carried === 'streaming' ? 'polling' : carried, story: await it.end() };
}
