// Which transport a client arrives at, and how often it has asked the backend for that.
import { Conversation } from './conversation.js';

async function choice(client) {
  const it = await Conversation.open(client, '/echo');
  const { transport } = it.socket;
  it.socket.send('hello');
  const [heard] = await it.hear(1);
  const { handshakes, closes } = await it.record();
  it.socket.close();
  return { transport, heard, handshakes: handshakes.length, closes };
}

export const CHECKS = { choice };
