// What a client is told whom the backend refuses, and how often it asked.
import { Conversation } from './conversation.js';

async function refused(client, status) {
  const it = new Conversation(client, `/status?status=${status}`);
  const end = await it.closed();
  return { ...end, handshakes: (await it.record()).handshakes.length };
}

const check = (status) => [`refused with ${status}`, (client) => refused(client, status)];

export const CHECKS = Object.fromEntries([401, 403, 404].map(check));
