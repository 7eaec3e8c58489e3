// The real client in Chromium: the checks of a module of pages/ by each of these transports ("any": by whichever it
// takes), in pages of PAGES:PORT, which may be where the service is, or another origin.
// Usage: node in-chromium.mjs MODULE HOST:PORT PAGES:PORT TRANSPORT...
import { tell } from '../chromium.mjs';

const [module, host, pages, ...all] = process.argv.slice(2);

// A context of its own, since pages of one context share six connections to a host.
async function visit(browser, transport) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`http://${pages}/page?sockjs`);
  const transports = transport === 'any' ? undefined : [transport];
  const seen = await page.evaluate(
    async ({ module, ...client }) => {
      const [{ run }, { CHECKS }] = await Promise.all([import('/sockjs/run.js'), import(`/sockjs/${module}.js`)]);
      return await run(CHECKS, { SockJS: window.SockJS, ...client });
    },
    { module, base: `http://${host}`, transports, records: '' },
  );
  await context.close();
  return [transport, seen];
}

await tell(async (browser) => Object.fromEntries(await Promise.all(all.map((transport) => visit(browser, transport)))));
