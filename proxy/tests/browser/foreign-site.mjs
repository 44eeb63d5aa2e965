// A web server of somebody else's, with a form that answers the cookies page of a site in the visitor's name.

import { once } from 'node:events';
import { createServer } from 'node:http';

/** Gone when the test `t` ends. Tells its port; the loopback name under which it is opened makes it another site. */
export async function startForeignSite(t, target) {
  const page = `<!DOCTYPE html><html lang="en"><title>Win a bicycle</title>
    <form method="post" action="${target}">
    <input type="hidden" name="cookies[all]" value="yes"><button>Win</button></form></html>`;
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}
