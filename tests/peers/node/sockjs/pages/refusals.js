// What a client is told whom the backend refuses, and how often it asked.
import { Conversation } from './conversation.js';

async function refused(client, status) {
  const it = new Conversation(client, `/status?status=${status}`);
  const end = await it.closed();
  return { ...end, handshakes: (await it.record()).handshakes.length };
}

const statuses = [401, 403, 404];

export const CHECKS = Object.fromEntries(statuses.map((status) => [`refused with ${status}`, (client) => refused(client, status)]));
