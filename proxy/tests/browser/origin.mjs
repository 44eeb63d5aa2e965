// A web server of the council, as small as a test needs it, that remembers what it was asked.

import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * Pages by path: a text of HTML, or a function that answers. Anything else is 404. It ends with `close()`.
 *
 * `requests` lists what it was asked, in order. `upgrade` is given whoever asks for another protocol.
 */
export async function startOrigin(pages, upgrade) {
  const requests = [];
  const note = (request) => {
    const { pathname } = new URL(request.url, 'http://origin.invalid');
    requests.push({ method: request.method, path: pathname, url: request.url, headers: request.headers });
    return pathname;
  };
  const server = createServer((request, response) => {
    const pathname = note(request);
    request.resume();
    const page = pages[pathname] ?? pages['*'];
    if (page === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('There is no such page.\n');
    } else if (typeof page === 'function') {
      page(request, response);
    } else {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
    }
  });
  if (upgrade) {
    server.on('upgrade', (request, socket) => {
      note(request);
      upgrade(request, socket);
    });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    requests,
    /** The last request for a path. */
    last: (path) => requests.findLast((request) => request.path === path),
    /** The names of the cookies that came with the last request for a path, in order. */
    cookies(path) {
      const field = this.last(path)?.headers.cookie ?? '';
      return field.split('; ').filter(Boolean).map((pair) => pair.split('=')[0]);
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
