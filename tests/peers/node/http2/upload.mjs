// What a request with much content is answered, and how its stream ends.
// Usage: node upload.mjs http://HOST:PORT/ BYTES announced|...
import { once } from 'node:events';
import { connect } from 'node:http2';

const [url, bytes, announced] = process.argv.slice(2);
const session = connect(url);
const length = announced === 'announced' ? { 'content-length': bytes } : {};
const stream = session.request({ ':method': 'POST', ':path': '/', ...length });
stream.end(Buffer.alloc(Number(bytes)));
const [{ ':status': status }] = await once(stream, 'response');
stream.resume();
await once(stream, 'close');
console.log(JSON.stringify({ status, rst: stream.rstCode }));
session.destroy();
