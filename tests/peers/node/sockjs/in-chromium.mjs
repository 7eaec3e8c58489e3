// The real client in Chromium: the checks of a module of pages/ by each transport, and by whichever it takes ("any"); in
// pages from where the service is ("here"), or from another origin ("elsewhere").
// Usage: node in-chromium.mjs MODULE HOST:PORT SITE:PORT here|elsewhere
import { tell } from '../chromium.mjs';
import { CHROMIUM } from './transports.mjs';

const [module, host, site, where] = process.argv.slice(2);

// A context of its own, since pages of one context share six connections to a host.
async function visit(browser, transport) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`http://${where === 'here' ? host : site}/page?sockjs`);
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

await tell(async (browser) => Object.fromEntries(await Promise.all([...CHROMIUM[where], 'any'].map((it) => visit(browser, it)))));
