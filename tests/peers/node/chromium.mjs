// The system's Chromium, without a window and without traffic of its own.
import { chromium } from 'playwright-core';

export const launch = () =>
  chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });

// Runs `story` with a browser, prints what it gives as JSON, and leaves no browser behind.
export async function tell(story) {
  const browser = await launch();
  try {
    console.log(JSON.stringify(await story(browser)));
  } finally {
    await browser.close();
  }
}
