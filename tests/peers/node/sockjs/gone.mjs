// Clients that are gone in the middle of everything, page and process alike: what the backend sees of it.
// Usage: node gone.mjs HOST:PORT SITE:PORT
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { launch } from '../chromium.mjs';
import { CHROMIUM, NODE } from './transports.mjs';

const [host, site] = process.argv.slice(2);

async function records(id, until) {
  return (await fetch(`http://${site}/records?id=${id}&${until}`)).json();
}

// The client leaves when the backend has heard it twice: it says the second only 25 ms after the first has arrived, so
// that it holds a poll by then.
async function end(id, leave) {
  await records(id, 'heard=2');
  await leave();
  return (await records(id, 'closes=1')).closes;
}

async function process_(transport) {
  const id = crypto.randomUUID();
  const [node, ...options] = [process.execPath, ...process.execArgv];
  const child = spawn(node, [...options, join(import.meta.dirname, 'hold.mjs'), host, transport, id], { stdio: 'inherit' });
  return [`${transport} of a process`, await end(id, () => child.kill('SIGKILL'))];
}

const page = (browser, where) => async (transport) => {
  const id = crypto.randomUUID();
  const page = await browser.newPage();
  await page.goto(`http://${where === 'here' ? host : site}/page?sockjs`);
  const client = { base: `http://${host}`, transport, id };
  await page.evaluate(async (client) => (await import('/sockjs/hold.js')).hold(window.SockJS, client), client);
  return [`${transport} of a page ${where}`, await end(id, () => page.close())];
};

const browser = await launch();
try {
  const pages = Object.entries(CHROMIUM).flatMap(([where, transports]) => transports.map(page(browser, where)));
  console.log(JSON.stringify(Object.fromEntries(await Promise.all([...NODE.map(process_), ...pages]))));
} finally {
  await browser.close();
}
