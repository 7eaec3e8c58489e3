// Two tabs of one browser talk to each other; one is reloaded, and closed at last.
// Once with clients that poll, once with clients that upgrade. Usage: node tabs.mjs BASE SERVER
import { tell } from '../chromium.mjs';

const [base, server] = process.argv.slice(2);

async function tab(context) {
  const page = await context.newPage();
  await page.goto(`${base}/page`);
  return page;
}

const connects = (page, id, transport) =>
  page.evaluate(
    async ([id, transport]) => {
      const options = { query: { id }, ...(transport === 'default' ? {} : { transports: [transport] }) };
      const socket = (window.socket = window.io(options));
      const upgraded = transport !== 'default' || new Promise((resolve) => socket.io.engine.once('upgrade', resolve));
      const connected = new Promise((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
      await Promise.all([connected, upgraded]);
      await new Promise((resolve) => socket.emit('join', 'lobby', resolve));
      const heard = [];
      window.hears = (text) =>
        new Promise((resolve) => {
          const look = () => heard.at(-1) === text && resolve(heard);
          socket.on('said', look);
          look();
        });
      socket.on('said', (text) => heard.push(text));
    },
    [id, transport],
  );

// What they have heard, once they have heard this.
async function says(page, text, tabs) {
  const heard = Promise.all(tabs.map((tab) => tab.evaluate((text) => window.hears(text), text)));
  await page.evaluate((text) => void window.socket.emit('say', 'lobby', text), text);
  return heard;
}

// Nobody hears of the end of a tab between two polls; so it ends during one, which has left before this page has come.
async function isHeld(page) {
  await page.waitForFunction(() => {
    const { transport } = window.socket.io.engine;
    return transport.name !== 'polling' || transport._polling;
  });
  await page.evaluate(async () => (await fetch('/page')).text());
}

const records = async (id, ended) => (await fetch(`${server}/records?id=${encodeURIComponent(id)}&ended=${ended}`)).json();

async function story(browser, transport) {
  const [first, second, again] = ['first', 'second', 'again'].map((id) => `${id} ${transport}`);
  const context = await browser.newContext();
  const [one, other] = [await tab(context), await tab(context)];
  await Promise.all([connects(one, first, transport), connects(other, second, transport)]);
  const heard = [await says(one, 'hello', [one, other])];
  await isHeld(one);
  await one.reload();
  const reloaded = await records(first, 1);
  await connects(one, again, transport);
  heard.push(await says(other, 'welcome back', [one, other]));
  await isHeld(one);
  await one.close();
  const closed = await records(again, 1);
  heard.push(await says(other, 'alone', [other]));
  return { heard, records: [reloaded, closed, await records(second, 0)] };
}

await tell(async (browser) => ({ polling: await story(browser, 'polling'), default: await story(browser, 'default') }));
