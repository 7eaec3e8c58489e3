// Two WebSockets on one connection, until the proxy says that they must go.
// Usage: node drained.mjs http://HOST:PORT
import { once } from 'node:events';
import { Session } from './session.mjs';

const session = new Session(process.argv[2]);
const goaway = once(session.session, 'goaway').then(([code]) => code);
const talks = [await session.websocket('/echo'), await session.websocket('/echo')];
for (const talk of talks) await talk.echo('hello');
await session.request({ ':path': '/sockjs/info' }); // says that all is open
const closes = await Promise.all(talks.map((talk) => talk.closed));
console.log(JSON.stringify({ goaway: await goaway, closes }));
session.close();
