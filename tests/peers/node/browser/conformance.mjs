// All checks in a page, one JSON object for each: {"check", "ok", "seen"}.
// Usage: node conformance.mjs http://HOST:PORT/page[?client]
import { launch } from '../chromium.mjs';

const browser = await launch();
try {
  const page = await browser.newPage();
  await page.goto(process.argv[2]);
  const reports = await page.evaluate(() => import('/pages/conformance.js').then(({ run }) => run()));
  for (const report of reports) console.log(JSON.stringify(report));
} finally {
  await browser.close();
}
