// Two windows of the demo's page chat with each other, in headless Chromium.
// Usage: node demo.mjs http://HOST:PORT/
import assert from 'node:assert/strict';
import { launch } from './chromium.mjs';

const url = process.argv[2];
const faults = [];

async function window(browser, user) {
  const page = await (await browser.newContext()).newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(url);
  await page.fill('#user', user);
  await page.fill('#room', 'test room');
  await page.click('#join');
  await page.waitForSelector('#message:enabled');
  return page;
}

async function says(page, text) {
  await page.fill('#message', text);
  await page.click('#send');
}

async function hears(page, text) {
  await page.locator('#log li', { hasText: text }).waitFor();
}

const browser = await launch();
try {
  const ann = await window(browser, 'ann');
  const bob = await window(browser, 'bob');
  await says(ann, 'hello bob');
  await hears(bob, 'hello bob');
  await says(bob, '<b>hello</b> ann');
  await hears(ann, '<b>hello</b> ann');
  assert.match(await ann.textContent('#status'), /WebSocket/);
  assert.deepEqual(faults, []);
  console.log('ok');
} finally {
  await browser.close();
}
