// The backend speaks and a page listens: first in one page, then in another that may have learnt from it.
// Usage: node streaming.mjs http://HOST:PORT http://BACKEND:PORT polling|streaming
import { tell } from '../chromium.mjs';

const [site, backend, transport] = process.argv.slice(2);
const EACH = 100;

async function listens(page) {
  await page.goto(`${site}/page?client`);
  const id = await page.evaluate(async () => {
    const { Conversation } = await import('/pages/conversation.js');
    window.transports = [];
    addEventListener('towpath', ({ detail }) => window.transports.push(detail.transport));
    window.conversation = await Conversation.open('/hear');
    return window.conversation.id;
  });
  await page.waitForFunction((wanted) => window.transports.includes(wanted), transport);
  // The first of them may come by the poll that there is before any stream.
  for (const from of [0, EACH]) {
    await fetch(`${backend}/say?id=${id}&from=${from}&count=${EACH}`, { method: 'POST' });
    await page.evaluate((count) => window.conversation.messages(count), from + EACH);
  }
  return page.evaluate(() => ({
    heard: window.conversation.events.message.map(({ data }) => data),
    carried: window.transports.at(-1),
  }));
}

await tell(async (browser) => {
  const page = await browser.newPage();
  return { first: await listens(page), second: await listens(page) };
});
