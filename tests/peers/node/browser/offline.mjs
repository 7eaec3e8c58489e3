// A conversation while the browser's network comes and goes: both sides count, without looking whether it is there.
// Usage: node offline.mjs http://HOST:PORT http://BACKEND:PORT
import { tell } from '../chromium.mjs';

const [site, backend] = process.argv.slice(2);
const EACH = 50;
let count = 0;

async function bothSay(page, id) {
  await page.evaluate(([from, each]) => {
    for (let n = from; n < from + each; n++) window.conversation.socket.send(`page ${n}`);
  }, [count, EACH]);
  await fetch(`${backend}/say?id=${id}&from=${count}&count=${EACH}`, { method: 'POST' });
  count += EACH;
}

const notices = (page, event) => page.waitForFunction((online) => navigator.onLine === online, event === 'online');

await tell(async (browser) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site}/page?client`);
  const id = await page.evaluate(async () => {
    const { Conversation } = await import('/pages/conversation.js');
    window.conversation = await Conversation.open('/echo');
    return window.conversation.id;
  });
  for (let round = 0; round < 3; round++) {
    await bothSay(page, id);
    await context.setOffline(true);
    await notices(page, 'offline');
    await bothSay(page, id);
    await context.setOffline(false);
    await notices(page, 'online');
    await bothSay(page, id);
  }
  const seen = await page.evaluate(async (total) => {
    const texts = await window.conversation.messages(total);
    const { page, backend } = await window.conversation.end();
    return { texts, kinds: page.map(({ type }) => type), ...backend };
  }, 2 * count);
  const inOrder = (texts, prefix) => texts.every((text, n) => text === `${prefix}${n}`);
  const [echoes, said] = [seen.texts.filter((text) => text.startsWith('page ')), seen.texts.filter((text) => !text.startsWith('page '))];
  return {
    total: count,
    heard: { count: seen.heard.length, inOrder: inOrder(seen.heard, 'page ') },
    echoed: { count: echoes.length, inOrder: inOrder(echoes, 'page ') },
    said: { count: said.length, inOrder: inOrder(said, '') },
    others: seen.kinds.filter((type) => type !== 'message'),
    handshakes: seen.handshakes.length,
    closes: seen.closes,
  };
});
