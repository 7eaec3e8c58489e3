// Two windows of the demo's page chat with each other, in headless Chromium, while one's WebSockets are blocked.
// Usage: node demo.mjs http://HOST:PORT/
import assert from 'node:assert/strict';
import { launch } from './chromium.mjs';

const url = process.argv[2];
const faults = [];

async function window(browser, user) {
  const page = await (await browser.newContext({ reducedMotion: 'reduce' })).newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(url);
  await page.fill('#user', user);
  await page.fill('#room', 'test room');
  await page.click('#join');
  await page.waitForSelector('#in:visible');
  return page;
}

async function says(page, text) {
  await page.fill('#message', text);
  await page.click('#send');
}

async function hears(page, text) {
  await page.locator('#log li:not(.waiting)', { hasText: text }).waitFor();
}

/** Whatever was said, in the order in which this window shows it. */
const messages = (page) =>
  page.$$eval('#log li.mine, #log li.theirs', (items) => items.map((item) => item.lastChild.textContent));

/** Waits until the page tells of this connection, as the client does. */
async function connects(page, transport, cause) {
  await page.waitForFunction(
    (by) => document.querySelector('#page').dataset.transport === by && document.querySelector('#rtt').textContent,
    transport,
  );
  const [status, ...others] = await page.evaluate(() => WebSocket.towpath.status());
  assert.deepEqual([status.transport, status.cause || undefined, others], [transport, cause, []]);
  assert.match(await page.textContent('#rtt'), /^\d+\.\d ms/);
  if (cause) assert.match(await page.textContent('#why'), new RegExp(cause));
}

const move = (page, network) => page.locator(`label:has([value=${network}])`).click();

const browser = await launch();
try {
  const ann = await window(browser, 'ann');
  const bob = await window(browser, 'bob');
  await says(ann, 'hello bob');
  await hears(bob, 'hello bob');
  await says(bob, '<b>hello</b> ann');
  await hears(ann, '<b>hello</b> ann');
  await connects(ann, 'websocket');
  await connects(bob, 'websocket');

  const said = ['hello bob', '<b>hello</b> ann'];
  for (const [network, transport, cause] of [
    ['refused', 'streaming', 'blocked'],
    ['starved', 'streaming', 'mute'],
    ['open', 'websocket', undefined],
  ]) {
    await says(ann, `before ${network}`);
    await move(ann, network);
    await says(bob, `to ann, underway to ${network}`);
    await says(ann, `from ann, underway to ${network}`);
    await connects(ann, transport, cause);
    await says(ann, `from ann, ${network}`);
    await hears(bob, `from ann, ${network}`);
    await says(bob, `to ann, ${network}`);
    await hears(ann, `to ann, ${network}`);
    await connects(bob, 'websocket');
    said.push(`before ${network}`, `to ann, underway to ${network}`, `from ann, underway to ${network}`);
    said.push(`from ann, ${network}`, `to ann, ${network}`);
  }
  // Each once, and in one order for both.
  assert.deepEqual(await messages(ann), await messages(bob));
  assert.deepEqual((await messages(ann)).toSorted(), said.toSorted());
  assert.deepEqual(faults, []);
  console.log('ok');
} finally {
  await browser.close();
}
