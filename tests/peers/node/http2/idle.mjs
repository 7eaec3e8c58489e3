// A WebSocket on which nothing is said for a while, and then the end of a connection without any.
// Usage: node idle.mjs http://HOST:PORT MILLISECONDS
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Session } from './session.mjs';

const [url, time] = process.argv.slice(2);
const session = new Session(url);
const goaway = once(session.session, 'goaway').then(([code]) => code);
const talk = await session.websocket('/echo');
await sleep(Number(time));
const echo = (await talk.echo('still here')).toString();
talk.socket.close();
console.log(JSON.stringify({ echo, goaway: await goaway }));
session.close();
