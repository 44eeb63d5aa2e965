// How banner, confirmation and placeholders look and read in the pages of a council: in every theme, wide and narrow.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertSound, WITH_AXE } from './accessibility.mjs';
import { launchBrowser } from './browser.mjs';
import { answer, page, startTown } from './town.mjs';
import { newVisitor } from './visitor.mjs';

const ACCEPT = 'Accept additional cookies';
const REJECT = 'Reject additional cookies';

const HELD = `<h2>How to sort your waste</h2>
<iframe src="https://www.youtube.com/embed/x" title="How to sort your waste" width="560" height="315"></iframe>
<h2>Where to take it</h2>
<p>The nearest site is on this map: <img src="https://maps.example/tip.png" alt="The tip" width="400" height="300"> by the
river, or <a href="/map">look at a large <img src="https://maps.example/m.png" alt="map" width="80" height="60"></a>.</p>`;

const EMBEDS = '[[embed]]\npurpose = "video"\nhosts = ["www.youtube.com", "maps.example"]';

let browser;
let town;

before(async () => {
  town = await startTown({
    consent: 'link = "insert"',
    more: EMBEDS,
    pages: {
      '/waste': answer(page({ title: 'Waste', main: HELD })),
      '/gwastraff': answer(page({ title: 'Gwastraff', lang: 'cy', main: HELD })),
      '/plain': answer('<!DOCTYPE html><title>Plain</title><h1>Plain</h1><p>A page without a stylesheet.</p>'),
    },
  });
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await town?.stop();
});

const visit = (t, options) => newVisitor(t, browser, town.site, options);

for (const { name, path, choice, press, signal = false } of [
  { name: 'asking', path: '/bins' },
  { name: 'asking-cy', path: '/biniau' },
  { name: 'answered-with-script', path: '/bins', press: ACCEPT },
  { name: 'rejected-with-script-cy', path: '/biniau', press: 'Gwrthod cwcis ychwanegol' },
  { name: 'accepted', path: '/bins?pinfold-choice=accepted', choice: ACCEPT },
  { name: 'rejected', path: '/bins?pinfold-choice=rejected', choice: REJECT },
  { name: 'saved-cy', path: '/biniau?pinfold-choice=saved', choice: REJECT },
  { name: 'decided', path: '/bins', choice: REJECT },
  { name: 'held', path: '/waste', choice: REJECT },
  { name: 'held-cy', path: '/gwastraff', choice: REJECT },
  { name: 'held-and-asking', path: '/waste' },
  { name: 'signal', path: '/waste', signal: true },
  { name: 'cookies-page-signal', path: '/cookies', signal: true },
  { name: 'cookies-page-signal-overridden', path: '/cookies?lang=cy', signal: true, choice: ACCEPT },
  { name: 'cookies-page-rejected', path: '/cookies?return=/bins&pinfold-choice=rejected', choice: REJECT },
]) {
  test(`page_07 every theme and width: ${name}`, async (t) => {
    const visitor = await visit(t, { ...WITH_AXE, extraHTTPHeaders: signal ? { 'Sec-GPC': '1' } : {} });
    if (choice) {
      await visitor.open('/cookies');
      await visitor.choose(choice);
    }
    const prepare = press && (() => visitor.answer(press));
    await assertSound(t, visitor.page, name, path, async () => {
      await prepare?.();
      // The same again in the next theme.
      if (press) {
        await visitor.context.clearCookies();
      }
    });
  });
}

test('the banner is the first thing in the body, and in the flow of the page', async (t) => {
  const visitor = await visit(t);
  await visitor.open('/waste');
  const found = await visitor.page.evaluate(() => {
    const banner = document.querySelector('.pinfold-banner');
    const all = [banner, ...banner.querySelectorAll('*')];
    return {
      isFirst: document.body.firstElementChild === banner,
      positions: [...new Set(all.map((element) => getComputedStyle(element).position))].sort(),
      inline: all.filter((element) => element.hasAttribute('style')).length,
      bottom: banner.getBoundingClientRect().bottom,
      next: document.querySelector('header').getBoundingClientRect().top,
    };
  });
  assert.deepEqual([found.isFirst, found.positions, found.inline], [true, ['relative', 'static'], 0]);
  assert.ok(found.next >= found.bottom, 'nothing of the page is under the banner');
});

test('at 400 %, the page and both answers can be reached by scrolling down alone', async (t) => {
  // A window of 1280 by 900 px has 320 by 225 px left.
  const visitor = await visit(t, { viewport: { width: 320, height: 225 }, deviceScaleFactor: 4 });
  for (const path of ['/bins', '/biniau', '/waste', '/plain', '/cookies']) {
    await visitor.open(path);
    const { wide, narrow } = await visitor.page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      narrow: document.documentElement.clientWidth,
    }));
    assert.ok(path === '/plain' || wide <= narrow, `${path}: ${wide} > ${narrow}`);
    const ours = path.startsWith('/cookies') ? 'button' : '.pinfold-banner button:visible, .pinfold-held button';
    for (const element of await visitor.page.locator(ours).all()) {
      await element.scrollIntoViewIfNeeded();
      const box = await element.boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= 320, `${path}: ${JSON.stringify(box)}`);
      assert.ok(box.height >= 44, `${path}: ${JSON.stringify(box)}`);
    }
    await visitor.page.locator('h1').scrollIntoViewIfNeeded();
    const heading = await visitor.page.locator('h1').boundingBox();
    assert.ok(heading.y >= 0 && heading.y < 225, `${path}: nothing lies over the page`);
  }
});

test('text twice as large, lines and letters further apart: nothing is cut off (WCAG 1.4.4, 1.4.12)', async (t) => {
  // The styles are put in by script.
  const visitor = await visit(t, WITH_AXE);
  for (const path of ['/waste', '/gwastraff', '/cookies', '/cookies?lang=cy']) {
    await visitor.open(path);
    await visitor.page.addStyleTag({
      content: `html{font-size:200%!important}
        *{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}
        p{margin-bottom:2em!important}`,
    });
    const cut = await visitor.page.evaluate(() =>
      [...document.querySelectorAll('.pinfold-banner *, .pinfold-held *, main *')]
        .filter((one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1)
        .map((one) => `${one.localName}: ${one.innerText}`),
    );
    assert.deepEqual(cut, [], path);
  }
});

test('the banner is not printed', async (t) => {
  const visitor = await visit(t);
  await visitor.page.emulateMedia({ media: 'print' });
  await visitor.open('/bins');
  assert.ok(!(await visitor.banner().isVisible()));
  assert.ok(await visitor.page.getByRole('heading', { name: 'Bins' }).isVisible());
});

test('a page with a hostile stylesheet still asks legibly', async (t) => {
  const visitor = await visit(t);
  await visitor.context.route('**/style.css', (route) =>
    route.fulfill({
      contentType: 'text/css',
      body: `div{color:#eee}h2{color:#fff;font-size:6rem;text-transform:uppercase}p{color:#ddd;margin:9rem}
        form{display:grid;background:#000;border:9px solid red}button{width:100%;background:#fff;color:#fff}
        a{color:#fff;text-decoration:none}body>div{max-width:10rem}`,
    }),
  );
  await visitor.page.setViewportSize({ width: 1280, height: 900 });
  await visitor.open('/waste');
  const colours = await visitor.page.evaluate(() => {
    const own = [...document.querySelectorAll('.pinfold-banner :is(h2, p, a, button):not([hidden] *)')];
    const paper = (element) => {
      const { backgroundColor } = getComputedStyle(element);
      return /^rgba\(.*, 0\)$/.test(backgroundColor) ? paper(element.parentElement) : backgroundColor;
    };
    return own.map((one) => [one.localName, getComputedStyle(one).color, paper(one)]);
  });
  const [INK, PAPER, LINK, GOOD] = ['rgb(18, 23, 28)', 'rgb(243, 245, 247)', 'rgb(11, 74, 143)', 'rgb(11, 107, 58)'];
  assert.deepEqual(colours, [
    ['h2', INK, PAPER],
    ['p', INK, PAPER],
    ['p', INK, PAPER],
    ['button', PAPER, GOOD],
    ['button', PAPER, GOOD],
    ['a', LINK, PAPER],
  ]);
});
