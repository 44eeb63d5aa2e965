// Starts `pinfold demo` on free ports, so that the tests can run beside anything else.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.PINFOLD_BIN ?? fileURLToPath(new URL('../../../target/release/pinfold', import.meta.url));
const PATIENCE = 10_000;

export async function startDemo() {
  await access(BINARY, constants.X_OK).catch(() => {
    throw new Error(`${BINARY} is not there: run \`cargo build --release\`, or name a binary with PINFOLD_BIN.`);
  });
  // A place of its own, so that what it leaves behind can be seen.
  const scratch = await mkdtemp(join(tmpdir(), 'pinfold-browser-'));
  const args = ['demo', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  const child = spawn(BINARY, args, { env: { ...process.env, TMPDIR: scratch }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let log = '';
  child.stderr.on('data', (text) => (log += text));
  try {
    const { site, admin } = await addresses(child);
    return { site, admin, stop: () => stop(child, ended, scratch) };
  } catch (error) {
    await stop(child, ended, scratch);
    throw new Error(`${error.message}. It wrote:\n${log}`);
  }
}

async function addresses(child) {
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [name, address] = line.split(' ');
    found[name] = address;
    if (found.site && found.admin) {
      clearTimeout(timer);
      return found;
    }
  }
  clearTimeout(timer);
  throw new Error('The demo ended, or was stopped after ten seconds, before it named its addresses');
}

/** Asks it to stop. Tells how it ended and what it left in its temporary directory. */
async function stop(child, ended, scratch) {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  const [code, signal] = await ended;
  clearTimeout(timer);
  const left = await readdir(scratch).catch(() => []);
  await rm(scratch, { recursive: true, force: true });
  return { code, signal, left };
}
