// WordPress from Debian's packages, installed and running in a directory of its own: no service of the system is touched.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SOURCE = '/usr/share/wordpress';
const PARTS = fileURLToPath(new URL('wordpress', import.meta.url));
const PATIENCE = 60_000;

// Programs of the administrator are not on everybody's path.
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/**
 * `url` is what visitors type, `user` signs in. `requests()` is what WordPress was asked and how it answered, in order;
 * `moveTo` gives it another address.
 */
export async function startWordPress({ url, user }) {
  const directory = await mkdtemp(join(tmpdir(), 'pinfold-wordpress-'));
  const running = [];
  const stop = async () => {
    await Promise.all(running.map(end));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const socket = await startDatabase(directory, running);
    const pages = await layOut(directory);
    const moveTo = (place) => writeFile(join(directory, 'settings.json'), settings(place, socket));
    await moveTo(url);
    await run('php', [join(PARTS, 'install.php')], { cwd: pages, env: { ...env, ...user } });
    const journal = join(directory, 'journal');
    const address = await startPhp(pages, journal, running);
    return { address, stop, moveTo, requests: () => readJournal(journal) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startDatabase(directory, running) {
  const [data, socket] = ['data', 'db'].map((name) => join(directory, name));
  // The first option keeps the settings of the system out. The server refuses to be root unless it is told to.
  const options = ['--no-defaults', `--datadir=${data}`, `--user=${userInfo().username}`, '--innodb-use-native-aio=0'];
  await run('mariadb-install-db', [...options, '--auth-root-authentication-method=normal', '--skip-test-db'], { env });
  const server = start('mariadbd', [...options, `--socket=${socket}`, '--skip-networking'], { env }, running);
  await untilReached({ path: socket }, server);
  await run('mariadb', ['--no-defaults', `--socket=${socket}`, '--user=root', '--execute=CREATE DATABASE wordpress'], { env });
  return socket;
}

/** A copy, because PHP finds its files by where they really are. */
async function layOut(directory) {
  const pages = join(directory, 'pages');
  await cp(SOURCE, pages, { recursive: true, dereference: true, filter: (path) => !path.endsWith('/wp-config.php') });
  await mkdir(join(pages, 'wp-content/mu-plugins'));
  await symlink(join(PARTS, 'town.php'), join(pages, 'wp-content/mu-plugins/town.php'));
  await cp(join(PARTS, 'config.php'), join(pages, 'wp-config.php'));
  return pages;
}

function settings(url, socket) {
  return JSON.stringify({ WP_HOME: url, WP_SITEURL: url, DB_HOST: `localhost:${socket}` });
}

async function startPhp(pages, journal, running) {
  const port = await freePort();
  const ini = ['zlib.output_compression=1', 'opcache.enable_cli=1', `auto_prepend_file=${join(PARTS, 'journal.php')}`];
  const options = ini.flatMap((setting) => ['-d', setting]);
  const environment = { ...env, JOURNAL: journal, PHP_CLI_SERVER_WORKERS: '3' };
  const server = start('php', [...options, '-S', `127.0.0.1:${port}`, '-t', pages], { env: environment }, running);
  await untilReached({ port, host: '127.0.0.1' }, server);
  return `http://127.0.0.1:${port}`;
}

/** In a group of its own, so that its children end with it. */
function start(program, options, settings, running) {
  const child = spawn(program, options, { ...settings, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const server = { child, program, ended: once(child, 'exit').catch(() => {}), written: '' };
  child.stderr.on('data', (text) => {
    server.written = `${server.written}${text}`.slice(-4096);
  });
  running.push(server);
  return server;
}

async function end({ child, ended }) {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    process.kill(-child.pid, 'SIGKILL');
  }
  await ended;
}

async function untilReached(place, server) {
  const last = Date.now() + PATIENCE;
  while (Date.now() < last && server.child.exitCode === null) {
    const socket = connect(place);
    const reached = await once(socket, 'connect').then(() => true, () => false);
    socket.destroy();
    if (reached) {
      return;
    }
    await wait(50);
  }
  throw new Error(`${server.program} cannot be reached. It wrote:\n${server.written}`);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function readJournal(journal) {
  const lines = (await readFile(journal, 'utf8')).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}
