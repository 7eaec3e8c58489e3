// The real client in Node: the checks of some modules of pages/ by each of these transports, or by whichever of several
// it takes (websocket+xhr-polling).
// Usage: node in-node.mjs MODULE[,MODULE...] SERVICES SITE:PORT TRANSPORT...
import SockJS from 'sockjs-client';
import { load, run } from './pages/run.js';

const [modules, services, site, ...all] = process.argv.slice(2);
const checks = await load(modules);

async function visit(transport) {
  const client = { SockJS, base: `http://${services}`, transports: transport.split('+'), records: `http://${site}` };
  return [transport, await run(checks, client)];
}

console.log(JSON.stringify(Object.fromEntries(await Promise.all(all.map(visit)))));
process.exit(); // whatever failed checks have left behind
