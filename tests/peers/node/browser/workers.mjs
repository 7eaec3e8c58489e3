// A conversation in each kind of dedicated worker.
// Usage: node workers.mjs http://HOST:PORT/page[?client]
import { tell } from '../chromium.mjs';

const [url] = process.argv.slice(2);

await tell(async (browser) => {
  const page = await browser.newPage();
  await page.goto(url);
  return page.evaluate(async () => {
    const work = (script, type) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(`/pages/${script}${location.search}`, { type });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      });
    return { classic: await work('classic-worker.js', 'classic'), module: await work('module-worker.js', 'module') };
  });
});
