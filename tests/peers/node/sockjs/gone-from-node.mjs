// A process for each transport, killed in the middle of its conversation: what the backend sees of that.
// Usage: node gone-from-node.mjs HOST:PORT SITE:PORT TRANSPORT...
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { end } from './end.mjs';

const [host, site, ...all] = process.argv.slice(2);

async function visit(transport) {
  const id = crypto.randomUUID();
  const hold = [join(import.meta.dirname, 'hold.mjs'), host, transport, id];
  const child = spawn(process.execPath, [...process.execArgv, ...hold], { stdio: ['ignore', 'ignore', 'inherit'] });
  return [transport, await end(site, id, () => child.kill('SIGKILL'))];
}

console.log(JSON.stringify(Object.fromEntries(await Promise.all(all.map(visit)))));
