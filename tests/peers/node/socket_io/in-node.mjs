// The checks in Node. Usage: node in-node.mjs BASE SERVER 4|2 default|polling|websocket [recovery]
import { io } from 'socket.io-client';
import oldIo from 'socket.io-client-2';
import { check } from '../report.mjs';
import { checks } from './checks.js';

const [base, server, release, transport, recovers] = process.argv.slice(2);
const headers = { extraHeaders: { Cookie: 'flavour=oat', Authorization: 'Bearer abc', 'X-Custom': 'one, two' } };
await checks({
  io: { 4: io, 2: oldIo }[release],
  old: release === '2',
  base,
  server,
  transport,
  recovers: recovers === 'recovery',
  options: headers,
  report: check,
});
process.exit(); // a check that failed may have left a socket open
