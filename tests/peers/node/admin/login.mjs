// Logs in to the operator's page as a browser does, by name and password, and closes the only WebSocket. Prints what was
// answered without a password and with a wrong one, and whether the page then shows what there is.
// Usage: node login.mjs http://HOST:PORT TOKEN CODE
import { tell } from '../chromium.mjs';

const [site, token, code] = process.argv.slice(2);

async function status(browser, httpCredentials) {
  const page = await browser.newPage({ httpCredentials });
  const told = new Promise((resolve) => page.once('response', (response) => resolve(response.status())));
  // A browser that has asked in vain may call that an error of its own.
  await page.goto(site).catch(() => {});
  await page.close();
  return told;
}

await tell(async (browser) => {
  const without = await status(browser, undefined);
  const wrong = await status(browser, { username: 'operator', password: `${token}x` });
  const page = await browser.newPage({ httpCredentials: { username: 'operator', password: token } });
  await page.goto(site);
  await page.waitForSelector('#live button');
  const state = await page.textContent('#state');
  await page.click('#live button');
  await page.fill('#code', code);
  await page.click('#confirm');
  await page.waitForFunction(() => !document.querySelector('#live button'));
  return { without, wrong, state };
});
