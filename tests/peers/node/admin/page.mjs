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

// The page, and what goes wrong in it or is asked of whom.
async function open(browser) {
  const page = await browser.newPage();
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

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
}

async function seen(page, { name, width, height, colorScheme }) {
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme });
  // Charts follow the page's width.
  const fits = () => [...document.querySelectorAll('.chart')].every((it) => it.scrollWidth <= it.clientWidth);
  await page.waitForFunction(fits);
  await picture(page, name);
  return page.evaluate(() => ({
    state: document.querySelector('#state').textContent,
    figures: Object.fromEntries(
      [...document.querySelectorAll('#figures div')].map((it) => [
        it.querySelector('span').textContent,
        it.querySelector('b').textContent,
      ]),
    ),
    charts: document.querySelectorAll('.chart canvas').length,
    routes: [...document.querySelectorAll('#routes tr')].map((row) => [...row.cells].map((it) => it.textContent)),
    servers: [...document.querySelectorAll('#servers tr')].map((row) => [...row.cells].map((it) => it.textContent)),
    kinds: [...document.querySelectorAll('#live tr')].map((row) => row.cells[0].textContent).sort(),
    config: JSON.parse(document.querySelector('#config').textContent || 'null'),
    reload: document.querySelector('#refused-reload').innerText,
    ground: getComputedStyle(document.body).backgroundColor,
    overflow: document.documentElement.scrollWidth - window.innerWidth,
  }));
}

// Finds the entry by the filter, and closes it.
async function close(page) {
  await page.setViewportSize(VIEWS[0]);
  const rows = (count) =>
    page.waitForFunction((it) => document.querySelectorAll('#live button').length === it, count);
  await page.fill('#filter [name=text]', 'nothing like it');
  await rows(0);
  await page.fill('#filter [name=text]', '');
  await page.selectOption('#filter [name=route]', 'all');
  await page.selectOption('#filter [name=kind]', 'tunnel');
  await rows(1);
  await page.click('#live button');
  await page.fill('#code', '1005');
  await page.click('#confirm');
  await page.waitForFunction(() => document.querySelector('#refused').textContent !== '');
  const refused = await page.textContent('#refused');
  await picture(page, 'close');
  await page.fill('#code', code);
  await page.click('#confirm');
  await rows(0);
  return refused;
}

await tell(async (browser) => {
  const { page, faults, asked } = await open(browser);
  const views = {};
  for (const view of VIEWS) views[view.name] = await seen(page, view);
  const before = [...faults];
  const refused = await close(page);
  return { views, refused, faults: before, asked: [...asked] };
});
