// The real client in Node: the checks of a module of pages/ by each transport, and by whichever it takes ("any").
// Usage: node in-node.mjs MODULE HOST:PORT SITE:PORT
import SockJS from 'sockjs-client';
import { run } from './pages/run.js';
import { NODE } from './transports.mjs';

const [module, host, site] = process.argv.slice(2);
const { CHECKS } = await import(`./pages/${module}.js`);

async function visit(transport) {
  const transports = transport === 'any' ? undefined : [transport];
  return [transport, await run(CHECKS, { SockJS, base: `http://${host}`, transports, records: `http://${site}` })];
}

console.log(JSON.stringify(Object.fromEntries(await Promise.all([...NODE, 'any'].map(visit)))));
process.exit(); // whatever failed checks have left behind
