// A backend that says text, bytes, text.
import { Conversation } from './conversation.js';

async function binary(client) {
  const it = await Conversation.open(client, '/binary');
  await it.until(() => it.end || it.messages.length === 3);
  const heard = it.messages;
  if (!it.end) {
    it.socket.close();
    return { heard };
  }
  const { code, wasClean } = it.end;
  return { heard, code, wasClean, closes: (await it.record({ closes: 1 })).closes };
}

export const CHECKS = { binary };
