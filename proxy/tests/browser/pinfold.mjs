// Starts Pinfold on free ports, so that the tests can run beside anything else.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const BINARY = process.env.PINFOLD_BIN ?? fileURLToPath(new URL('../../../target/release/pinfold', import.meta.url));
const PATIENCE = 10_000;
const ANY_PORT = '127.0.0.1:0';

export async function startDemo() {
  // A place of its own, so that what it leaves behind can be seen.
  const scratch = await newDirectory();
  const demo = await start({
    args: ['demo', '--listen', ANY_PORT, '--admin', ANY_PORT],
    environment: { TMPDIR: scratch },
    output: 'stdout',
    ready: /^site (?<site>\S+)\n(.*\n)*?admin (?<admin>\S+)\n/m,
  });
  return { ...demo, stop: () => stopIn(scratch, demo) };
}

/** Runs with a configuration that names neither ports nor origin. `host` is how the tests call it. */
export async function startPinfold({ configuration, origin, host = 'localhost', listen = ANY_PORT, directory }) {
  const own = directory ?? (await newDirectory());
  const file = join(own, 'pinfold.toml');
  await writeFile(file, configuration);
  const environment = { PINFOLD__LISTEN__HTTP: listen, PINFOLD__ADMIN__LISTEN: ANY_PORT, PINFOLD__ORIGIN__URL: origin };
  const running = await start({
    args: ['run', '--config', file],
    environment,
    output: 'stderr',
    ready: /ready site=(?<site>\S+) admin=(?<admin>\S+)/,
  });
  const address = running.site;
  return {
    site: `http://${host}:${address.split(':').at(-1)}`,
    admin: `http://${running.admin}`,
    stop: () => stopIn(own, running),
    /** Ends it. Tells what the report of its store says, and all that it has written, byte for byte a character. */
    async account() {
      await running.end();
      const env = { ...process.env, ...environment };
      const { stdout } = await promisify(execFile)(BINARY, ['report', '--config', file, '--format', 'json'], { env });
      const written = (await readdir(own)).filter((name) => /\.db/.test(name));
      const store = await Promise.all(written.map((name) => readFile(join(own, name), 'latin1')));
      return { report: JSON.parse(stdout), store: store.join('\n') };
    },
    /** The same address and the same store, with another configuration. */
    async restart(another) {
      await running.end();
      return startPinfold({ configuration: another, origin, host, listen: address, directory: own });
    },
  };
}

/** What a command prints that ends by itself, and well. */
export async function pinfold(...args) {
  const { stdout } = await promisify(execFile)(BINARY, args);
  return stdout;
}

function newDirectory() {
  return mkdtemp(join(tmpdir(), 'pinfold-browser-'));
}

async function start({ args, environment, output, ready }) {
  await access(BINARY, constants.X_OK).catch(() => {
    throw new Error(`${BINARY} is not there: run \`cargo build --release\`, or name a binary with PINFOLD_BIN.`);
  });
  const env = { ...process.env, ...environment };
  const child = spawn(BINARY, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const written = { stdout: '', stderr: '' };
  const addresses = new Promise((resolve) => {
    for (const name of ['stdout', 'stderr']) {
      child[name].on('data', (text) => {
        written[name] += text;
        const found = written[output].match(ready)?.groups;
        if (found) {
          resolve({ ...found });
        }
      });
    }
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  const found = await Promise.race([addresses, ended.then(() => undefined)]);
  clearTimeout(timer);
  if (!found) {
    const log = `${written.stdout}${written.stderr}`;
    throw new Error(`Pinfold ended, or was stopped after ten seconds, before it named its addresses. It wrote:\n${log}`);
  }
  return { ...found, end: () => end(child, ended) };
}

/** Asks it to stop. Tells how it ended. */
async function end(child, ended) {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  const [code, signal] = await ended;
  clearTimeout(timer);
  return { code, signal };
}

/** Asks it to stop. Tells how it ended and what it left in its directory. */
async function stopIn(directory, running) {
  const ending = await running.end();
  const left = await readdir(directory).catch(() => []);
  await rm(directory, { recursive: true, force: true });
  return { ...ending, left };
}
