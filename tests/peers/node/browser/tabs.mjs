// Two tabs of one browser; one is reloaded in the middle of its conversation, and closed at last.
// Usage: node tabs.mjs http://HOST:PORT/page[?client]
import { tell } from '../chromium.mjs';

const [url] = process.argv.slice(2);

async function tab(context) {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

const opens = (page) =>
  page.evaluate(async () => {
    const { Conversation } = await import('/pages/conversation.js');
    window.conversation = await Conversation.open('/echo');
    return window.conversation.id;
  });

const says = (page, text) =>
  page.evaluate(async (text) => {
    const { socket, events } = window.conversation;
    socket.send(text);
    return (await window.conversation.messages(events.message.length + 1)).at(-1);
  }, text);

// What the backend saw of a conversation, once that is over.
const record = (page, id) => page.evaluate(async (id) => (await fetch(`/records?id=${id}&closes=1`)).json(), id);

await tell(async (browser) => {
  const context = await browser.newContext();
  const [one, other] = [await tab(context), await tab(context)];
  const [old, neighbour] = [await opens(one), await opens(other)];
  const echoes = [await says(one, 'one'), await says(other, 'two')];
  await one.reload();
  const { heard, closes } = await record(other, old);
  const renewed = await opens(one);
  echoes.push(await says(other, 'three'), await says(one, 'four'));
  await one.close();
  const { heard: later, closes: ends } = await record(other, renewed);
  echoes.push(await says(other, 'five'));
  const { closes: none, heard: all } = await other.evaluate(async (id) => (await fetch(`/records?id=${id}`)).json(), neighbour);
  return { echoes, reloaded: { heard, closes }, closed: { heard: later, closes: ends }, neighbour: { heard: all, closes: none } };
});
