// Finds and starts the Chromium of the system: nothing is downloaded for these tests.

import { access, constants } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

// Beyond what Playwright says itself: whatever Chromium would ask the network for on its own account.
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function launchBrowser() {
  await access(EXECUTABLE, constants.X_OK).catch(() => {
    throw new Error(
      `There is no Chromium at ${EXECUTABLE}: install the Debian package \`chromium\`, or name another with CHROMIUM.`,
    );
  });
  return chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS, timeout: 30_000 });
}
