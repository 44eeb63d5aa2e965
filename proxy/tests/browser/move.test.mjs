// Refusals of another tool, carried over by the script that `docs/tasks/move.md` gives, line by line as it stands there.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { launchBrowser } from './browser.mjs';
import { answer, page, startTown } from './town.mjs';
import { newVisitor } from './visitor.mjs';

const OLD = 'OLD_TOOL_CHOICE';
const HOST = 'www.town.localhost';
const ACCEPT = 'Accept additional cookies';
const ADVICE = `
[[purpose]]
id = "advice"
basis = "consent"
title = "Cookies of a chat"
description = "They keep what you have asked."
`;

let browser;
let town;
let site;

before(async () => {
  const text = await readFile(new URL('../../../docs/tasks/move.md', import.meta.url), 'utf8');
  const script = text.match(/^```js\n(.*?)^```$/ms)[1];
  const head = '<script src="/carry-refusals.js" defer></script>';
  town = await startTown({
    url: `http://${HOST}`,
    pages: {
      '/': answer(page({ title: 'Welcome', head })),
      '/bins': answer(page({ title: 'Bins', head })),
      '/carry-refusals.js': (_, response) => response.writeHead(200, { 'content-type': 'text/javascript' }).end(script),
    },
  });
  site = town.site.replace('localhost', HOST);
  browser = await launchBrowser({ hosts: [`MAP ${HOST} 127.0.0.1`] });
});

after(async () => {
  await browser?.close();
  await town?.stop();
});

/** Somebody whom the old tool has left a cookie, and who keeps count of what is posted. */
async function visit(t, cookie) {
  const visitor = await newVisitor(t, browser, site, { javaScriptEnabled: true });
  const posted = [];
  visitor.context.on('request', (request) => request.method() === 'POST' && posted.push(request.postData()));
  const leave = () => visitor.context.addCookies([{ name: OLD, domain: HOST, path: '/', ...cookie }]);
  return { visitor, posted, leave };
}

const REFUSAL = ['cookies%5Ball%5D=no'];

for (const domain of [HOST, '.town.localhost']) {
  test(`a refusal is carried over once, and nobody is asked again: a cookie of ${domain}`, async (t) => {
    const { visitor, posted, leave } = await visit(t, { value: 'rejected', domain });
    await leave();
    await visitor.open('/');
    await visitor.banner().waitFor({ state: 'detached' });
    assert.deepEqual(posted, REFUSAL);
    assert.ok(await visitor.decision());
    for (const path of ['/bins', '/', '/parking']) {
      await visitor.open(path);
      assert.equal(await visitor.banner().count(), 0, path);
      assert.equal(town.origin.last(path).headers['pinfold-consent'], '', path);
    }
    assert.deepEqual(await visitor.jar(), ['pinfold-consent', 'session']);
    assert.deepEqual(posted, REFUSAL);
  });
}

test('whoever accepted is asked, and so is whoever never chose', async (t) => {
  for (const value of ['accepted', undefined]) {
    const { visitor, posted, leave } = await visit(t, { value });
    if (value) {
      await leave();
    }
    await visitor.open('/');
    assert.ok(await visitor.banner().isVisible(), value);
    assert.ok(!(await visitor.jar()).includes(OLD));
    assert.deepEqual(posted, []);
    assert.equal(await visitor.decision(), undefined);
  }
});

test('a choice made with Pinfold stands, also when something new is asked', async (t) => {
  t.after(() => town.reconfigure({ url: `http://${HOST}` }));
  const { visitor, posted, leave } = await visit(t, { value: 'rejected' });
  await visitor.open('/parking');
  await visitor.answer(ACCEPT);
  const own = posted.length;
  await leave();
  await visitor.open('/bins');
  assert.ok(!(await visitor.jar()).includes(OLD));
  await visitor.open('/bins');
  assert.equal(town.origin.last('/bins').headers['pinfold-consent'], 'statistics, marketing, video');

  await town.reconfigure({ url: `http://${HOST}`, more: ADVICE });
  await visitor.open('/bins');
  assert.ok(await visitor.banner().isVisible(), 'it asks about what is new');
  assert.equal(posted.length, own);
  assert.equal(town.origin.last('/bins').headers['pinfold-consent'], 'statistics, marketing, video');
});

test('what a script cannot take away is not carried over, and the visitor is asked', async (t) => {
  for (const cookie of [{ path: '/bins' }, { httpOnly: true }]) {
    const { visitor, posted, leave } = await visit(t, { value: 'rejected', ...cookie });
    await leave();
    for (const path of ['/bins', '/', '/bins']) {
      await visitor.open(path);
      assert.ok(await visitor.banner().isVisible(), path);
    }
    assert.deepEqual(posted, []);
    assert.equal(await visitor.decision(), undefined);
  }
});
