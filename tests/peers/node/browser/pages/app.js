// An app as apps are: it connects, connects again whenever it is cut off, and asks for an echo.
import { Conversation } from './conversation.js';

const carrier = (socket) => WebSocket.towpath.status().find(({ url }) => url === socket.url);

async function attempt() {
  const it = new Conversation('/echo');
  it.socket.onopen = () => it.socket.send('hello');
  await Promise.race([it.until('message'), it.until('close')]);
  // What came by a WebSocket is not to be trusted here: its end may be near.
  if (carrier(it.socket)?.transport === 'websocket') await it.until('close');
  return it;
}

// Goes on until an echo has come that was not cut off: how that looked, and how it went before.
export async function works() {
  const begun = performance.now();
  for (let deaths = 0; ; deaths++) {
    const it = await attempt();
    if (it.socket.readyState !== WebSocket.OPEN) continue;
    const { transport, cause } = carrier(it.socket);
    const { verdict } = WebSocket.towpath.status().verdicts[new URL(it.socket.url).origin];
    return {
      events: it.seen.map(({ type }) => type),
      carried: transport === 'streaming' ? 'polling' : transport,
      cause,
      verdict,
      deaths,
      ms: Math.round(performance.now() - begun),
    };
  }
}
