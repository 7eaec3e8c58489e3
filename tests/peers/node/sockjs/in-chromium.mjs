// The real client in Chromium: the checks of some modules of pages/ by each of these transports, in pages of
// PAGES:PORT, which may be where the services are, or another origin.
// Usage: node in-chromium.mjs MODULE[,MODULE...] SERVICES PAGES:PORT TRANSPORT...
import { tell } from '../chromium.mjs';

const [modules, services, pages, ...all] = process.argv.slice(2);

// A context of its own, since pages of one context share six connections to a host.
async function visit(browser, transport) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`http://${pages}/page?sockjs`);
  const seen = await page.evaluate(
    async ({ modules, ...client }) => {
      const { load, run } = await import('/sockjs/run.js');
      return await run(await load(modules), { SockJS: window.SockJS, ...client });
    },
    { modules, base: `http://${services}`, transports: transport.split('+'), records: '' },
  );
  await context.close();
  return [transport, seen];
}

await tell(async (browser) => Object.fromEntries(await Promise.all(all.map((transport) => visit(browser, transport)))));
