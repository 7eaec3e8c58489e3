// What an HTTP/2 server announces, and what it answers one that does not listen.
// Usage: node settings.mjs http://HOST:PORT
import { once } from 'node:events';
import { connect } from 'node:http2';

const session = connect(process.argv[2]);
const [{ enableConnectProtocol }] = await once(session, 'remoteSettings');
const stream = session.request({ ':method': 'CONNECT', ':authority': 'example.com:443' });
const [{ ':status': status }] = await once(stream, 'response');
console.log(JSON.stringify({ enableConnectProtocol, connect: status }));
session.destroy();
