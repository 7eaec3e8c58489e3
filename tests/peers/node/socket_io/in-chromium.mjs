// The checks in a page, with the client that the server itself hands out.
// Usage: node in-chromium.mjs BASE SERVER default|polling [PAGE]
// PAGE is where the page is from, if it is of another Origin than BASE.
import { launch } from '../chromium.mjs';

const [base, server, transport, from = base] = process.argv.slice(2);

const browser = await launch();
try {
  const context = await browser.newContext({ locale: 'fr' });
  await context.addCookies([{ name: 'flavour', value: 'oat', url: base }]);
  const page = await context.newPage();
  // The page says its checks on its console, as Node does on its output; the browser's own complaints are there, too.
  page.on('console', (message) => message.type() === 'log' && console.log(message.text()));
  await page.goto(`${from}/page`);
  await page.evaluate(
    async ([base, server, transport]) => {
      const [{ checks }, { check }] = await Promise.all([import('/pages/checks.js'), import('/pages/report.mjs')]);
      const options = { withCredentials: true, extraHeaders: { Authorization: 'Bearer abc', 'X-Custom': 'one, two' } };
      await checks({ io: window.io, old: false, base, server, transport, recovers: true, options, report: check });
    },
    [base, server, transport],
  );
} finally {
  await browser.close();
}
