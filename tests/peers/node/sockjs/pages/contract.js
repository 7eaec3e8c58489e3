// What a conversation is like before any server that keeps the contract of tests/peers/README.md.
import { difference, TEXTS } from './characters.js';
import { Conversation } from './conversation.js';

const MESSAGES = 1000;
const BURST = 250;

async function echo(client) {
  const it = await Conversation.open(client, '/echo');
  const { transport } = it.socket;
  it.socket.send('hello');
  const [heard] = await it.hear(1);
  it.socket.close(4002, 'so long');
  return { transport, heard, ...(await it.closed()) };
}

// Each burst is sent while the one before is still coming back.
async function order(client) {
  const it = await Conversation.open(client, '/echo');
  for (let sent = 0; sent < MESSAGES; sent += BURST) {
    await it.hear(Math.max(0, sent - BURST / 2));
    for (let n = sent; n < sent + BURST; n++) it.socket.send(String(n));
  }
  await it.hear(MESSAGES);
  it.socket.close();
  const { events, ...end } = await it.closed();
  return { count: it.messages.length, inOrder: it.messages.every((text, n) => text === String(n)), ...end };
}

// The texts that did not come back as they should, and how.
async function characters(client) {
  const it = await Conversation.open(client, '/echo');
  const texts = Object.entries(TEXTS);
  for (const [, [text]] of texts) it.socket.send(text);
  const heard = await it.hear(texts.length);
  it.socket.close();
  await it.closed();
  const compared = texts.map(([name, [, expected]], n) => [name, difference(expected, heard[n])]);
  return Object.fromEntries(compared.filter(([, differs]) => differs));
}

const closedByTheBackend = (client) => new Conversation(client, '/close?code=4001&reason=bye%20%E2%82%AC').closed();

export const CHECKS = {
  echo,
  'in order': order,
  characters,
  'closed by the backend': closedByTheBackend,
};
