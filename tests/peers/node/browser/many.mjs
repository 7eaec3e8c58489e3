// More sockets in one page than a browser has connections to a host; each must get its echo, and what the backend says
// unasked.
// Usage: node many.mjs http://HOST:PORT http://BACKEND:PORT
import { tell } from '../chromium.mjs';

const [site, backend] = process.argv.slice(2);
const SOCKETS = 10;

await tell(async (browser) => {
  const page = await browser.newPage();
  await page.goto(`${site}/page?client`);
  const echoed = await page.evaluate(async (sockets) => {
    const all = Array.from({ length: sockets }, (_, n) => new WebSocket(`${location.origin}/echo?id=many${n}`));
    globalThis.pushed = all.map(() => []);
    return Promise.all(
      all.map(
        (socket, n) =>
          new Promise((resolve) => {
            socket.onopen = () => socket.send(`echo ${n}`);
            socket.onmessage = ({ data }) => {
              socket.onmessage = ({ data }) => globalThis.pushed[n].push(data);
              resolve(data);
            };
          }),
      ),
    );
  }, SOCKETS);
  for (let n = 0; n < SOCKETS; n++) await fetch(`${backend}/say?id=many${n}&from=1&count=2`, { method: 'POST' });
  await page.waitForFunction(() => globalThis.pushed.every((said) => said.length === 2));
  return { echoed, pushed: await page.evaluate(() => globalThis.pushed) };
});
