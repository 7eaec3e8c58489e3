// For each site: an app gets to work, then another in the same page, then one after a reload.
// Usage: node blocked.mjs http://HOST:PORT...
import { tell } from '../chromium.mjs';

const work = (page) => page.evaluate(() => import('/pages/app.js').then(({ works }) => works()));

async function visit(browser, site) {
  const page = await browser.newPage();
  await page.goto(`${site}/page?client`);
  const first = await work(page);
  const second = await work(page);
  await page.reload();
  return { first, second, reloaded: await work(page) };
}

await tell((browser) => Promise.all(process.argv.slice(2).map((site) => visit(browser, site))));
