// A request whose content comes in small pieces without an end, and two others on the same connection: one before, and
// one after its stream was reset.
// Usage: node slow.mjs http://HOST:PORT/
import { once } from 'node:events';
import { connect } from 'node:http2';

const session = connect(process.argv[2]);

async function quick() {
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.end('quick');
    const [{ ':status': status }] = await once(stream, 'response');
    stream.resume();
    await once(stream, 'close');
    return status;
}

const slow = session.request({ ':method': 'POST', ':path': '/' });
// That it was reset is what is told.
slow.on('error', () => {});
const closed = once(slow, 'close');
const drip = setInterval(() => slow.write('x'), 50);
const before = await quick();
await closed;
clearInterval(drip);
console.log(JSON.stringify({ slow: slow.rstCode, quick: [before, await quick()] }));
session.destroy();
