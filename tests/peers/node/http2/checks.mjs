// What one HTTP/2 connection carries.
// Usage: node checks.mjs https://HOST:PORT AUTHORITY.pem | http://HOST:PORT
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:http2';
import { check } from '../report.mjs';
import { Session, read } from './session.mjs';

const [url, authority] = process.argv.slice(2);
const session = new Session(url, authority ? { ca: readFileSync(authority) } : {});
const { port } = new URL(url);

await check('the settings', async () => {
  const { enableConnectProtocol, maxConcurrentStreams } = await session.settings;
  return { enableConnectProtocol, maxConcurrentStreams };
});

await check('messages', async () => {
  const conversation = await session.websocket('/echo');
  assert.equal(conversation.headers['sec-websocket-accept'], undefined);
  for (const text of ['hello', 'grüße 👋']) assert.equal((await conversation.echo(text)).toString(), text);
  for (const size of [0, 1, 126, 65_536, 1_048_576]) {
    const message = randomBytes(size);
    assert.deepEqual(await conversation.echo(message), message);
  }
  conversation.socket.close(4002, 'done');
  return { ...(await conversation.closed), rst: conversation.stream.rstCode };
});

await check('what the backend sees', async () => {
  const fields = { 'sec-websocket-protocol': 'other, chat.v1', cookie: ['a=1', 'b=2'], 'x-mine': 'kept' };
  const conversation = await session.websocket('/headers?a=b', fields);
  const { host, cookie, 'x-mine': mine, 'x-forwarded-for': address } = JSON.parse(await conversation.hear());
  conversation.socket.close();
  assert.ok(host.endsWith(`:${port}`), host);
  return { cookie, mine, address, protocol: conversation.headers['sec-websocket-protocol'] };
});

await check('a close of the backend', async () => {
  const conversation = await session.websocket('/close?code=4001&reason=bye');
  return await conversation.closed;
});

await check('a refusal', async () => {
  const { stream, status, headers } = await session.connect('/refuse');
  return { status, by: headers['x-refused-by'], text: await read(stream) };
});

await check('many at once', async () => {
  const talks = Array.from({ length: 20 }, async (_, n) => {
    const conversation = await session.websocket('/echo');
    for (let round = 0; round < 20; round++) {
      assert.equal((await conversation.echo(`${n} ${round}`)).toString(), `${n} ${round}`);
    }
    conversation.socket.close();
    return await conversation.closed;
  });
  const polls = Array.from({ length: 10 }, async (_, n) => {
    const path = (end) => ({ ':method': 'POST', ':path': `/sockjs/000/s${n}/${end}` });
    assert.equal((await session.request(path('xhr'), '')).text, 'o\n');
    const held = session.request(path('xhr'), '');
    assert.equal((await session.request(path('xhr_send'), `["poll ${n}"]`)).status, 204);
    assert.equal((await held).text, `a["poll ${n}"]\n`);
  });
  const requests = Array.from({ length: 20 }, async () => {
    assert.equal((await session.request({ ':path': '/sockjs/info' })).status, 200);
  });
  await Promise.all([...talks, ...polls, ...requests]);
});

// One that does not read holds nobody up, and finds everything when it reads at last.
await check('a slow reader', async () => {
  const slow = await session.websocket('/echo');
  const piece = randomBytes(65_536);
  slow.stream.pause();
  for (let n = 0; n < 64; n++) slow.send(piece);
  const other = await session.websocket('/echo');
  for (let n = 0; n < 50; n++) await other.echo(`${n}`);
  slow.stream.resume();
  for (let n = 0; n < 64; n++) assert.deepEqual(await slow.hear(), piece);
  for (const { socket } of [slow, other]) socket.close();
});

await check('a stream that is cut', async () => {
  const cut = await session.websocket('/echo');
  const other = await session.websocket('/echo');
  cut.stream.close(constants.NGHTTP2_CANCEL);
  await once(cut.stream, 'close');
  assert.equal((await other.echo('still here')).toString(), 'still here');
  other.socket.close();
});

await check('what is malformed', async () => {
  const answers = {};
  for (const version of ['8', '']) {
    const { stream, status } = await session.connect('/echo', { 'sec-websocket-version': version });
    await read(stream);
    answers[`version ${version}`] = status;
  }
  const { stream, status } = await session.connect('/echo', { ':protocol': 'connect-udp' });
  await read(stream);
  answers['another protocol'] = status;
  const plain = await session.request({ ':method': 'CONNECT', ':authority': 'example.com:443' });
  answers['no protocol'] = plain.status;
  assert.equal((await session.request({ ':path': '/sockjs/info' })).status, 200);
  return answers;
});

session.close();
