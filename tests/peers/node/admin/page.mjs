// What the operator's page shows, on a desk and on a telephone, by day and by night; then the only WebSocket is closed
// with a code. Prints all of it as JSON; with a directory, pictures are left there.
// Usage: node page.mjs http://HOST:PORT CODE [PICTURES]
import { tell } from '../chromium.mjs';

const [site, code, pictures] = process.argv.slice(2);

const VIEWS = [
  { name: 'desk', width: 1400, height: 1000, colorScheme: 'light' },
  { name: 'desk-dark', width: 1400, height: 1000, colorScheme: 'dark' },
  { name: 'telephone', width: 400, height: 800, colorScheme: 'light' },
  { name: 'telephone-dark', width: 400, height: 800, colorScheme: 'dark' },
];

// A page in this view, and what went wrong in it or was asked of whom.
async function open(browser, { width, height, colorScheme }) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  const faults = [];
  const asked = new Set();
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('request', (request) => asked.add(new URL(request.url()).origin));
  await page.goto(site);
  // Rates need two looks.
  await page.waitForFunction(() => /\d/.test(document.querySelectorAll('#figures b')[4]?.textContent ?? ''));
  return { page, faults, asked };
}

async function seen(browser, view) {
  const { page, faults, asked } = await open(browser, view);
  const facts = await page.evaluate(() => ({
    state: document.querySelector('#state').textContent,
    figures: Object.fromEntries(
      [...document.querySelectorAll('#figures div')].map((it) => [
        it.querySelector('span').textContent,
        it.querySelector('b').textContent,
      ]),
    ),
    charts: document.querySelectorAll('.chart canvas').length,
    servers: [...document.querySelectorAll('#servers tr')].map((row) => row.innerText.split(/\s+/)),
    kinds: [...document.querySelectorAll('#live tr')].map((row) => row.cells[0].textContent).sort(),
    config: JSON.parse(document.querySelector('#config').textContent || 'null'),
    ground: getComputedStyle(document.body).backgroundColor,
    overflow: document.documentElement.scrollWidth - window.innerWidth,
  }));
  if (pictures) await page.screenshot({ path: `${pictures}/${view.name}.png`, fullPage: true });
  await page.close();
  return { ...facts, faults, asked: [...asked] };
}

// Finds the entry by the filter, and closes it.
async function close(browser) {
  const { page, faults } = await open(browser, VIEWS[0]);
  const rows = (count) => page.waitForFunction((it) => document.querySelectorAll('#live tr').length === it, count);
  await page.fill('#filter [name=text]', 'nothing like it');
  await rows(0);
  await page.fill('#filter [name=text]', '');
  await page.selectOption('#filter [name=kind]', 'tunnel');
  await rows(1);
  await page.click('#live button');
  await page.fill('#code', '1005');
  await page.click('#confirm');
  await page.waitForFunction(() => document.querySelector('#refused').textContent !== '');
  const refused = await page.textContent('#refused');
  if (pictures) await page.screenshot({ path: `${pictures}/close.png` });
  await page.fill('#code', code);
  await page.click('#confirm');
  await rows(0);
  await page.close();
  // The browser says of every answer of 400 that it was one.
  return { refused, faults: faults.filter((fault) => !fault.includes('400')) };
}

await tell(async (browser) => {
  const views = await Promise.all(VIEWS.map(async (view) => [view.name, await seen(browser, view)]));
  return { views: Object.fromEntries(views), closed: await close(browser) };
});
