// Stands in for every other site of the web, by https as they do, and notes who is reached.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as ask } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const PIXEL = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');

/** Sets a cookie of the site that it is part of, as tags of analytics and advertising do. */
const SCRIPT = `document.cookie='_ga=GA1.1.2.2; path=/; max-age=34000000';
(window.tagsRun=window.tagsRun||[]).push(document.currentScript.src);`;

/** Answers as a third party would: scripts, pixels, players, styles. Each answer sets a cookie of its own. */
export async function startStandIn() {
  const asked = [];
  const greeted = [];
  // Whoever is only connected to is named in the first words of TLS (RFC 6066 section 3).
  const SNICallback = (name, next) => {
    greeted.push(name);
    next(null, null);
  };
  const server = createServer({ ...(await certificate('*.example')), SNICallback }, (request, response) => {
    const { pathname } = new URL(request.url, 'https://stand-in.invalid');
    asked.push(`${request.headers.host}${pathname}`);
    response.setHeader('set-cookie', 'IDE=third; Path=/; Secure; SameSite=None');
    response.setHeader('access-control-allow-origin', '*');
    const [type, body] = answerTo(pathname);
    response.setHeader('content-type', type);
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  return {
    /** The addresses that were asked for. */
    asked,
    /** The hosts that were connected to. */
    greeted,
    /** Leads every name here but those of this machine. */
    rules: [`MAP * 127.0.0.1:${port}`, 'EXCLUDE localhost', 'EXCLUDE 127.0.0.1'],
    forget() {
      asked.length = 0;
      greeted.length = 0;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function answerTo(path) {
  if (/\.js$|\/js$/.test(path)) {
    return ['text/javascript', SCRIPT];
  }
  if (/css/.test(path)) {
    return ['text/css', 'h1{letter-spacing:.01em}'];
  }
  if (/embed|video|ns\.html/.test(path)) {
    return ['text/html', '<!DOCTYPE html><title>Player</title><p>Player'];
  }
  return ['image/gif', PIXEL];
}

/** Ends TLS in front of Pinfold, under every name of a domain, as the servers of councils do. `fields` go with each request. */
export async function startTlsEnd(site, domain, fields = {}) {
  const { port } = new URL(site);
  const server = createServer(await certificate(`*.${domain}`), (request, response) => {
    const { method, url: path } = request;
    const headers = { ...request.headers, ...fields };
    const forwarded = ask({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    /** Leads the names of the domain here. */
    rules: [domain, `*.${domain}`].map((name) => `MAP ${name} 127.0.0.1:${server.address().port}`),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A key and a certificate that nobody trusts: the browser is told not to ask. */
async function certificate(name) {
  const directory = await mkdtemp(join(tmpdir(), 'pinfold-certificate-'));
  const [key, cert] = ['key.pem', 'cert.pem'].map((file) => join(directory, file));
  const options = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj'.split(' ');
  try {
    await promisify(execFile)('openssl', [...options, `/CN=${name}`, '-keyout', key, '-out', cert]);
    return { key: await readFile(key), cert: await readFile(cert) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
