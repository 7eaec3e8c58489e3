// What the backend is told of who connects.
import { Conversation } from './conversation.js';

async function handshake(client) {
  if (globalThis.document) document.cookie = 'flavour=oat'; // cookies know no ports, and all of 127.0.0.1 is one site
  const it = await Conversation.open(client, '/headers?app=1');
  const { origin = null, cookie = null, host, 'x-forwarded-for': address } = JSON.parse(await it.hear(1));
  it.socket.close();
  const { handshakes } = await it.record();
  return { origin, cookie, host, address, handshakes: handshakes.map((url) => url.replace(it.id, 'ID')) };
}

export const CHECKS = { handshake };
