// Finds and starts the Chromium of the system: nothing is downloaded for these tests.

import { access, constants } from 'node:fs/promises';
import { chromium } from 'playwright-core';

export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

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

/**
 * `hosts` are rules by which names lead to other addresses. `keepsPages` lets it keep pages alive to go back to, as it does
 * outside tests.
 */
export async function launchBrowser({ hosts = [], keepsPages = false } = {}) {
  await access(EXECUTABLE, constants.X_OK).catch(() => {
    throw new Error(
      `There is no Chromium at ${EXECUTABLE}: install the Debian package \`chromium\`, or name another with CHROMIUM.`,
    );
  });
  const rules = hosts.length > 0 ? [`--host-resolver-rules=${hosts.join(',')}`] : [];
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [...ARGUMENTS, ...rules],
    ignoreDefaultArgs: keepsPages ? ['--disable-back-forward-cache'] : [],
    timeout: 30_000,
  });
}
