// A page of one origin talks to another.
// Usage: node elsewhere.mjs PAGE_HOST:PORT HOST:PORT
import { tell } from '../chromium.mjs';

const [site, host] = process.argv.slice(2);

await tell(async (browser) => {
  const page = await browser.newPage();
  await page.goto(`http://${site}/page?client=${host}`);
  return page.evaluate(async (host) => {
    document.cookie = 'flavour=oat'; // cookies know no ports, and the two are one site
    const socket = new WebSocket(`ws://${host}/headers?id=elsewhere`);
    const next = (type) => new Promise((resolve) => (socket[`on${type}`] = resolve));
    const { data, origin } = await next('message');
    const headers = JSON.parse(data);
    const [{ transport }] = WebSocket.towpath.status();
    socket.close(1000);
    const { code, wasClean } = await next('close');
    return {
      carried: transport === 'streaming' ? 'polling' : transport,
      origin: headers.origin,
      host: headers.host,
      cookie: headers.cookie,
      message: { origin },
      closed: { code, wasClean },
    };
  }, host);
});
