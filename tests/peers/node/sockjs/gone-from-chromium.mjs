// A page for each transport, closed in the middle of its conversation: what the backend sees of that.
// Usage: node gone-from-chromium.mjs HOST:PORT SITE:PORT PAGES:PORT TRANSPORT...
import { tell } from '../chromium.mjs';
import { end } from './end.mjs';

const [host, site, pages, ...all] = process.argv.slice(2);

async function visit(browser, transport) {
  const id = crypto.randomUUID();
  const page = await (await browser.newContext()).newPage();
  await page.goto(`http://${pages}/page?sockjs`);
  const client = { base: `http://${host}`, transport, id };
  await page.evaluate(async (client) => (await import('/sockjs/hold.js')).hold(window.SockJS, client), client);
  return [transport, await end(site, id, () => page.close())];
}

await tell(async (browser) => Object.fromEntries(await Promise.all(all.map((transport) => visit(browser, transport)))));
