// How conversations end, by what both sides see. The backend is browser/server.mjs, which keeps records.
import { Conversation } from './conversation.js';

// The client waits until it is heard: its close() takes back what is still on its way.
async function closedByTheClient(client) {
  const it = await Conversation.open(client, '/hear');
  it.socket.send('going');
  const { heard } = await it.record({ heard: 1 });
  it.socket.close(4002, 'so long');
  await it.closed();
  return { heard, closes: (await it.record({ closes: 1 })).closes };
}

async function closedByTheBackend(client) {
  const it = new Conversation(client, '/close?code=4001&reason=bye&say=3');
  return { ...(await it.closed()), heard: it.messages, closes: (await it.record({ closes: 1 })).closes };
}

async function closedWithoutACode(client) {
  const { code, reason, wasClean } = await new Conversation(client, '/close').closed();
  return { code, reason, wasClean };
}

async function lost(client) {
  const it = new Conversation(client, '/cut');
  const { events, code, wasClean } = await it.closed();
  return { heard: it.messages, events, code, wasClean };
}

export const CHECKS = {
  'closed by the client': closedByTheClient,
  'closed by the backend': closedByTheBackend,
  'closed without a code': closedWithoutACode,
  lost,
};
