// What a visitor of `pinfold demo` prefers: chosen on the cookies page, kept, and shown by the style sheet of the site alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertSound, WITH_AXE } from './accessibility.mjs';
import { launchBrowser } from './browser.mjs';
import { startForeignSite } from './foreign-site.mjs';
import { startDemo } from './pinfold.mjs';
import { newVisitor } from './visitor.mjs';

const COOKIE = 'pinfold-preferences';
const SAVED = /\/cookies\?.*pinfold-choice=saved/;

let browser;
let demo;

before(async () => {
  demo = await startDemo();
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const visit = (t, options) => newVisitor(t, browser, demo.site, options);

/** What the page says its visitor prefers, and how large its text is, in pixels. */
async function shown(visitor) {
  const html = visitor.page.locator('html');
  return {
    size: await html.getAttribute('data-text-size'),
    contrast: await html.getAttribute('data-contrast'),
    pixels: await visitor.page.locator('main p').first().evaluate((text) => parseFloat(getComputedStyle(text).fontSize)),
  };
}

/** Waits until the browser has gone to the part of the page that its address names: from there on Tab goes. */
async function scrolled(page) {
  while (!(await page.evaluate(() => scrollY > 0 && document.querySelector(':target') !== null))) {
    await page.waitForTimeout(20);
  }
}

async function prefer(visitor, ...labels) {
  await visitor.open('/cookies');
  for (const [group, label] of labels) {
    await visitor.page.getByRole('group', { name: group }).getByLabel(label, { exact: true }).check();
  }
  await visitor.press('Save my preferences');
  await visitor.page.waitForURL(SAVED);
}

async function held(visitor) {
  const cookies = await visitor.context.cookies();
  return cookies.find((cookie) => cookie.name === COOKIE);
}

const USUAL = { size: null, contrast: null, pixels: 18 };

for (const javaScriptEnabled of [false, true]) {
  test(`text size by keyboard alone, ${javaScriptEnabled ? 'with' : 'without'} script`, async (t) => {
    const visitor = await visit(t, { javaScriptEnabled });
    await visitor.open('/bins');
    assert.deepEqual(await shown(visitor), USUAL);

    const { keyboard } = visitor.page;
    await visitor.page.getByRole('link', { name: 'Text size and contrast' }).focus();
    await keyboard.press('Enter');
    await visitor.page.waitForURL('/cookies?return=/bins#preferences');
    await scrolled(visitor.page);
    assert.equal((await visitor.tab()).name, 'Text size Normal');
    await keyboard.press('ArrowDown');
    assert.equal((await visitor.focused()).name, 'Text size Large');
    assert.equal((await visitor.tab()).name, 'Contrast Normal');
    assert.equal((await visitor.tab()).name, 'Save my preferences');
    await keyboard.press('Enter');
    await visitor.page.waitForURL(SAVED);

    assert.match(await visitor.page.getByRole('status').innerText(), /Your choice has been saved\./);
    assert.deepEqual(await visitor.ticked('preference'), {
      'preference[text-size]': 'large',
      'preference[contrast]': 'normal',
    });
    assert.deepEqual(await visitor.choiceShown(), ['You have not chosen yet.'], 'it is no choice about cookies');

    await visitor.page.getByRole('link', { name: 'Go back' }).click();
    await visitor.page.waitForURL('/bins');
    assert.deepEqual(await shown(visitor), { size: 'large', contrast: null, pixels: 22.5 });
    assert.ok(await visitor.banner().isVisible(), 'who has only a preference is still asked');
  });
}

test('the cookie names nobody, outlasts a refusal of everything, and goes with the usual', async (t) => {
  const [visitor, another] = [await visit(t), await visit(t, { extraHTTPHeaders: { 'Sec-GPC': '1' } })];
  for (const one of [visitor, another]) {
    await prefer(one, ['Text size', 'Largest'], ['Contrast', 'High: black on white, without shades']);
  }
  const cookie = await held(visitor);
  assert.equal(cookie.value, '1.text-size=largest.contrast=high');
  assert.equal((await held(another)).value, cookie.value, 'who prefers the same holds the same');
  assert.deepEqual(
    { httpOnly: cookie.httpOnly, sameSite: cookie.sameSite, path: cookie.path },
    { httpOnly: true, sameSite: 'Lax', path: '/' },
  );
  const days = (cookie.expires - Date.now() / 1000) / 86_400;
  assert.ok(days > 300 && days < 400, `${days} days`);

  await visitor.open('/cookies');
  await visitor.choose('Reject additional cookies');
  await visitor.open('/');
  await visitor.open('/planning');
  assert.deepEqual(await visitor.jar(), ['pinfold-consent', COOKIE, 'session']);
  assert.deepEqual(await shown(visitor), { size: 'largest', contrast: 'high', pixels: 27 });
  assert.deepEqual(await visitor.received(), ['session'], 'the site never sees it');

  const decision = (await visitor.decision()).value;
  await prefer(visitor, ['Text size', 'Normal'], ['Contrast', 'Normal']);
  assert.match(await visitor.page.getByRole('status').innerText(), /Your choice has been saved\./);
  assert.equal(await held(visitor), undefined);
  assert.equal((await visitor.decision()).value, decision, 'the choice about cookies is as it was');
  await visitor.open('/planning');
  assert.deepEqual(await shown(visitor), USUAL);
});

test('a page that was looked at before shows a new preference at once', async (t) => {
  const visitor = await visit(t, { javaScriptEnabled: true });
  await visitor.open('/cookies');
  await visitor.choose('Reject additional cookies');
  for (const [label, size] of [['Large', 'large'], ['Largest', 'largest'], ['Normal', null]]) {
    await visitor.open('/bins');
    await prefer(visitor, ['Text size', label]);
    await visitor.open('/bins');
    assert.equal((await shown(visitor)).size, size);
  }
});

test('a form on another site sets no preference', async (t) => {
  const visitor = await visit(t);
  const port = await startForeignSite(t, `${demo.site}/cookies`);
  await prefer(visitor, ['Text size', 'Large']);
  await visitor.open(`http://127.0.0.1:${port}/`);
  const answered = visitor.page.waitForResponse(`${demo.site}/cookies`);
  await visitor.press('Win');
  assert.equal((await answered).status(), 403);
  assert.equal((await held(visitor)).value, '1.text-size=large');
});

for (const [language, button, label] of [
  ['en', 'Save my preferences', 'Largest'],
  ['cy', 'Cadw fy ngosodiadau', 'Mwyaf'],
]) {
  test(`page_07 every theme and width with the largest text: ${language}`, async (t) => {
    const visitor = await visit(t, WITH_AXE);
    await visitor.open(`/cookies?lang=${language}`);
    await visitor.page.getByLabel(label, { exact: true }).check();
    await visitor.press(button);
    await visitor.page.waitForURL(SAVED);
    await assertSound(t, visitor.page, `preferences-${language}`, visitor.page.url());
    await assertSound(t, visitor.page, `largest-${language}`, '/council-tax');
  });
}

test('page_07 every theme and width with high contrast', async (t) => {
  const visitor = await visit(t, WITH_AXE);
  await prefer(visitor, ['Contrast', 'High: black on white, without shades']);
  await assertSound(t, visitor.page, 'contrast', '/');
});

test('Welsh: every word of the preferences', async (t) => {
  const visitor = await visit(t);
  await visitor.open('/cookies?lang=cy');
  const fieldsets = visitor.page.locator('form', { has: visitor.page.getByRole('button', { name: 'Cadw fy ngosodiadau' }) });
  assert.deepEqual((await fieldsets.innerText()).split('\n').filter((line) => line.trim()), [
    'Maint y testun',
    'Arferol',
    'Mawr',
    'Mwyaf',
    'Cyferbyniad',
    'Arferol',
    'Uchel: du ar wyn, heb arlliwiau',
    'Cadw fy ngosodiadau',
  ]);
});
