// The real client in Node: the checks of a module of pages/ by each of these transports ("any": by whichever it takes).
// Usage: node in-node.mjs MODULE HOST:PORT SITE:PORT TRANSPORT...
import SockJS from 'sockjs-client';
import { run } from './pages/run.js';

const [module, host, site, ...all] = process.argv.slice(2);
const { CHECKS } = await import(`./pages/${module}.js`);

async function visit(transport) {
  const transports = transport === 'any' ? undefined : [transport];
  return [transport, await run(CHECKS, { SockJS, base: `http://${host}`, transports, records: `http://${site}` })];
}

console.log(JSON.stringify(Object.fromEntries(await Promise.all(all.map(visit)))));
process.exit(); // whatever failed checks have left behind
