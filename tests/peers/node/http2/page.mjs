// A page over TLS, and its WebSockets, or one by its fallback: what is echoed, and what the page came over.
// Usage: node page.mjs https://HOST:PORT [fallback]
import { tell } from '../chromium.mjs';

const [site, fallback] = process.argv.slice(2);

await tell(async (browser) => {
  const page = await browser.newPage({ ignoreHTTPSErrors: true }); // the authority is the story's own
  await page.goto(`${site}/page?client`);
  return page.evaluate(async (fallback) => {
    if (fallback) WebSocket.towpath.configure({ force: 'fallback' });
    const echoes = [];
    const url = `wss://${location.host}/echo?id=page`;
    const sockets = Array.from({ length: fallback ? 1 : 3 }, () => new WebSocket(url));
    await Promise.all(
      sockets.map(async (socket, n) => {
        await new Promise((resolve) => (socket.onopen = resolve));
        const heard = new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)));
        socket.send(String(n));
        echoes.push(await heard);
        const closed = new Promise((resolve) => (socket.onclose = resolve));
        socket.close();
        await closed;
      }),
    );
    const [{ nextHopProtocol }] = performance.getEntriesByType('navigation');
    return { page: nextHopProtocol, echoes: echoes.sort() };
  }, Boolean(fallback));
});
