// A page that keeps a WebSocket open to the site it is from, through Pinfold.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';

import { launchBrowser } from './browser.mjs';
import { page, startTown } from './town.mjs';
import { newVisitor } from './visitor.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

let browser;
let town;

before(async () => {
  town = await startTown({ pages: { '/chat': page({ title: 'Talk to us' }) }, upgrade: echo });
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await town?.stop();
});

/** Agrees to a WebSocket (RFC 6455), and says back what it hears: short frames, whole, one at a time. */
function echo(request, socket) {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\nSet-Cookie: session=1\r\nSet-Cookie: _ga_TOWN=1\r\n\r\n`,
  );
  socket.on('error', () => {});
  socket.on('data', (frame) => {
    const length = frame[1] & 0x7f;
    const mask = frame.subarray(2, 6);
    const payload = frame.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4]);
    socket.write(Buffer.concat([Buffer.from([frame[0], length]), payload]));
  });
}

test('a WebSocket opens, speaks, and closes with the code it was closed with', async (t) => {
  const visitor = await newVisitor(t, browser, town.site, { javaScriptEnabled: true });
  await visitor.context.addCookies([{ name: '_ga', value: '1', url: town.site }]);
  await visitor.open('/chat');
  const found = await visitor.page.evaluate(
    () =>
      new Promise((resolve) => {
        const heard = [];
        const socket = new WebSocket(`ws://${location.host}/socket`);
        socket.onopen = () => socket.send('hello');
        socket.onmessage = ({ data }) => {
          heard.push(data);
          if (heard.length < 3) {
            socket.send(`${data}!`);
          } else {
            socket.close(4001, 'enough');
          }
        };
        socket.onclose = ({ code, reason, wasClean }) => resolve({ heard, code, reason, wasClean });
      }),
  );
  assert.deepEqual(found, { heard: ['hello', 'hello!', 'hello!!'], code: 4001, reason: 'enough', wasClean: true });
  assert.deepEqual(town.origin.cookies('/socket'), [], 'held as in any other request');
  const jar = await visitor.jar();
  assert.ok(jar.includes('session') && !jar.includes('_ga_TOWN'), jar.join());
});
