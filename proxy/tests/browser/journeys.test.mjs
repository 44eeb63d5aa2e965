// What visitors of a council's site live through with the banner, from the first page to a change of mind.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchBrowser } from './browser.mjs';
import { MARKETING, STATISTICS, VIDEO, startTown } from './town.mjs';
import { newVisitor } from './visitor.mjs';

const ACCEPT = 'Accept additional cookies';
const REJECT = 'Reject additional cookies';
const HIDE = 'Hide this message';
const EVERYTHING = ['session', 'last_section', '_ga', '_ga_TOWN'];

let browser;
let town;

before(async () => {
  town = await startTown();
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await town?.stop();
});

const visit = (t, options, site = town.site) => newVisitor(t, browser, site, options);

/** The same journey with script and without. */
function journey(name, steps) {
  for (const javaScriptEnabled of [false, true]) {
    test(`${name}, ${javaScriptEnabled ? 'with' : 'without'} script`, (t) => steps(t, { javaScriptEnabled }));
  }
}

journey('law_03 undecided: every page asks, nothing is set that needs consent, browsing decides nothing', async (t, way) => {
  const visitor = await visit(t, way);
  for (const path of ['/', '/bins', '/parking', '/bins']) {
    assert.equal(await visitor.open(path), 200);
    assert.equal(await visitor.banner().count(), 1, path);
    assert.ok(await visitor.banner().isVisible(), path);
  }
  await visitor.page.mouse.wheel(0, 400);
  await visitor.page.getByRole('link', { name: 'Parking' }).click();
  await visitor.page.waitForURL('/parking');
  await visitor.page.getByRole('heading', { name: 'Parking' }).click();
  await visitor.page.keyboard.press('Escape');
  assert.ok(await visitor.banner().isVisible());
  assert.deepEqual(await visitor.jar(), ['last_section', 'pinfold-visit', 'session']);
  assert.deepEqual(town.origin.cookies('/parking'), ['session', 'last_section']);

  // Whoever closes the page comes back to the question.
  await visitor.page.close();
  visitor.page = await visitor.context.newPage();
  await visitor.open('/');
  assert.ok(await visitor.banner().isVisible());
  assert.equal(await visitor.decision(), undefined);
});

journey('law_10 the banner asks in plain words, and refusing is as easy as accepting', async (t, way) => {
  const visitor = await visit(t, way);
  await visitor.open('/bins');
  const banner = visitor.page.getByRole('region', { name: 'Cookies on Marlbury Borough Council' });
  assert.equal(await banner.getByRole('heading', { level: 2 }).innerText(), 'Cookies on Marlbury Borough Council');
  assert.deepEqual(await banner.getByRole('paragraph').allInnerTexts(), [
    'We use some cookies that this site cannot work without. Some others count visits or remember how you like the site; ' +
      'they are on until you refuse them.',
    `With your agreement we would also use: ${MARKETING}; ${VIDEO}.`,
  ]);
  assert.deepEqual(await banner.getByRole('button').allInnerTexts(), [ACCEPT, REJECT]);
  const looks = await banner.getByRole('button').evaluateAll((buttons) =>
    buttons.map((button) => {
      const { color, backgroundColor, font, border, padding, height } = getComputedStyle(button);
      return { color, backgroundColor, font, border, padding, height };
    }),
  );
  assert.deepEqual(looks[0], looks[1]);
  const boxes = await banner.getByRole('button').evaluateAll((buttons) => buttons.map((one) => one.offsetWidth));
  assert.ok(Math.abs(boxes[0] - boxes[1]) < 12, `${boxes}`);
});

journey('accepting in the banner: the page stays, the site is told from the next page on', async (t, way) => {
  const visitor = await visit(t, way);
  await visitor.open('/bins?street=High%20Street#main');
  await visitor.answer(ACCEPT);
  assert.match(await visitor.banner().innerText(), /You have accepted additional cookies\./);
  const { pathname, search } = new URL(visitor.page.url());
  const rest = search.replace(/&pinfold-choice=accepted$/, '');
  assert.equal(`${pathname}${rest}`, '/bins?street=High%20Street');
  assert.equal(await visitor.page.getByRole('heading', { level: 1 }).innerText(), 'Bins');

  await visitor.open('/parking');
  assert.equal(await visitor.banner().count(), 0);
  await visitor.open('/bins');
  assert.deepEqual(await visitor.jar(), ['_ga', '_ga_TOWN', 'last_section', 'pinfold-consent', 'pinfold-visit', 'session']);
  assert.deepEqual(town.origin.cookies('/bins'), EVERYTHING);
  assert.equal(town.origin.last('/bins').headers['pinfold-consent'], 'statistics, marketing, video');
});

journey('law_05 rejecting in the banner: what was there is gone, and the banner does not come back', async (t, way) => {
  const visitor = await visit(t, way);
  await visitor.open('/bins');
  assert.deepEqual(await visitor.jar(), ['last_section', 'pinfold-visit', 'session']);
  await visitor.answer(REJECT);
  assert.match(await visitor.banner().innerText(), /You have rejected additional cookies\./);
  for (const path of ['/', '/bins', '/parking', '/']) {
    assert.equal(await visitor.open(path), 200, path);
    assert.equal(await visitor.banner().count(), 0, path);
    assert.deepEqual(town.origin.cookies(path), ['session'], path);
  }
  assert.deepEqual(await visitor.jar(), ['pinfold-consent', 'session']);
});

journey('choosing one by one from the banner, and coming back to the page', async (t, way) => {
  const visitor = await visit(t, way);
  await visitor.open('/bins?street=High');
  await visitor.page.getByRole('link', { name: 'View cookies' }).click();
  await visitor.page.waitForURL(/\/cookies\?/);
  assert.equal(await visitor.banner().count(), 0, 'the cookies page asks by itself');
  await visitor.page.getByRole('group', { name: STATISTICS }).getByLabel('No', { exact: true }).check();
  await visitor.page.getByRole('group', { name: VIDEO }).getByLabel('Yes', { exact: true }).check();
  await visitor.choose('Save my choice');
  assert.match(await visitor.page.getByRole('status').innerText(), /Your choice has been saved\./);
  await visitor.page.getByRole('link', { name: 'Go back to the page you were looking at' }).click();
  await visitor.page.waitForURL('/bins?street=High');
  assert.equal(await visitor.banner().count(), 0);
  assert.equal(town.origin.last('/bins').headers['pinfold-consent'], 'video');
});

journey('changing and withdrawing: each takes effect on the next page', async (t, way) => {
  const visitor = await visit(t, way);
  await visitor.open('/bins');
  await visitor.answer(ACCEPT);
  await visitor.page.getByRole('link', { name: 'You can change this at any time on the cookies page.' }).click();
  await visitor.page.waitForURL(/\/cookies\?/);
  await visitor.page.getByRole('group', { name: MARKETING }).getByLabel('No', { exact: true }).check();
  await visitor.choose('Save my choice');
  await visitor.open('/bins');
  assert.equal(town.origin.last('/bins').headers['pinfold-consent'], 'statistics, video');
  assert.deepEqual(town.origin.cookies('/bins'), ['session', 'last_section']);
  assert.deepEqual(await visitor.jar(), ['last_section', 'pinfold-consent', 'pinfold-visit', 'session']);

  await visitor.open('/cookies');
  await visitor.choose(REJECT);
  await visitor.open('/bins');
  assert.deepEqual(town.origin.cookies('/bins'), ['session']);
  assert.deepEqual(await visitor.jar(), ['pinfold-consent', 'session']);
  assert.equal(await visitor.banner().count(), 0);
});

journey('gpc_03 a Global Privacy Control signal: no banner, no cookie of ours, and the cookies page says why', async (t, way) => {
  const visitor = await visit(t, { ...way, extraHTTPHeaders: { 'Sec-GPC': '1' } });
  for (const path of ['/', '/bins']) {
    await visitor.open(path);
    assert.equal(await visitor.banner().count(), 0, path);
  }
  assert.deepEqual(await visitor.jar(), ['last_section', 'session']);
  assert.deepEqual(town.origin.cookies('/bins'), ['session', 'last_section']);
  await visitor.open('/cookies');
  const [explained, ...rest] = await visitor.choiceShown();
  assert.match(explained, /Global Privacy Control.*we have not asked you/);
  assert.deepEqual(rest, []);
  assert.equal(await visitor.decision(), undefined);

  await visitor.choose(ACCEPT);
  await visitor.open('/');
  await visitor.open('/bins');
  assert.deepEqual(town.origin.cookies('/bins'), EVERYTHING, 'gpc_04 a choice overrides it');
});

journey('law_19 a choice that has expired is no choice: the banner is back, grants are gone', async (t, way) => {
  for (const [button, months, isAsked] of [
    [ACCEPT, 13, true],
    [REJECT, 13, true],
    [ACCEPT, 11, false],
  ]) {
    const visitor = await visit(t, way);
    await visitor.open('/bins');
    await visitor.answer(button);
    await age(visitor, months);
    await visitor.open('/bins');
    assert.equal(await visitor.banner().count(), isAsked ? 1 : 0, `${button}, ${months} months ago`);
    assert.equal(
      town.origin.last('/bins').headers['pinfold-consent'],
      isAsked ? 'statistics' : 'statistics, marketing, video',
    );
    await visitor.open('/cookies');
    const [line] = await visitor.choiceShown();
    assert.match(line, isAsked ? /^You have not chosen yet\./ : /^You chose in /);
  }
});

journey('law_20 a new provider: a grant is asked for again, a refusal is kept', async (t, way) => {
  const changing = await startTown();
  t.after(() => changing.stop());
  const [grants, refuses] = [await visit(t, way, changing.site), await visit(t, way, changing.site)];
  for (const [visitor, button] of [
    [grants, ACCEPT],
    [refuses, REJECT],
  ]) {
    await visitor.open('/bins');
    await visitor.answer(button);
    await visitor.open('/bins');
    assert.equal(await visitor.banner().count(), 0);
  }
  await changing.reconfigure({ more: '[[cookie]]\nname = "_fbp"\npurpose = "marketing"\nprovider = "Meta"\n' });

  await refuses.open('/bins');
  assert.equal(await refuses.banner().count(), 0);
  assert.equal(changing.origin.last('/bins').headers['pinfold-consent'], '');

  await grants.open('/bins');
  assert.equal(await grants.banner().count(), 1);
  assert.equal(
    changing.origin.last('/bins').headers['pinfold-consent'],
    'statistics, video',
    'what has not changed need not be asked for again',
  );
  await grants.answer(ACCEPT);
  await grants.open('/bins');
  assert.equal(await grants.banner().count(), 0);
});

journey('law_21 other words alone: nobody is asked again', async (t, way) => {
  const changing = await startTown();
  t.after(() => changing.stop());
  const visitor = await visit(t, way, changing.site);
  await visitor.open('/bins');
  await visitor.answer(ACCEPT);
  await changing.reconfigure({ marketing: 'Cookies of campaigns' });
  await visitor.open('/bins');
  assert.equal(await visitor.banner().count(), 0);
});

journey('hiding the confirmation: it goes, and neither a reload nor a bookmark brings it back', async (t, way) => {
  const visitor = await visit(t, way);
  await visitor.open('/bins?street=High');
  await visitor.answer(REJECT);
  await visitor.press(HIDE);
  await visitor.banner().waitFor({ state: 'detached' });
  assert.equal(visitor.page.url(), `${town.site}/bins?street=High`);
  await visitor.page.reload();
  assert.equal(await visitor.banner().count(), 0);
});

journey('back and forward: the question does not come back once it is answered', async (t, way) => {
  const visitor = await visit(t, way);
  await visitor.open('/');
  await visitor.open('/bins');
  await visitor.answer(REJECT);
  await visitor.open('/parking');
  assert.equal(await visitor.banner().count(), 0);
  const asks = () => visitor.page.getByRole('button', { name: ACCEPT }).count();
  await visitor.page.goBack();
  assert.equal(await visitor.page.getByRole('heading', { level: 1 }).innerText(), 'Bins');
  assert.equal(await asks(), 0, 'on the page where it was answered');
  await visitor.page.goto('/parking');
  for (let more = 4; new URL(visitor.page.url()).pathname !== '/' && more > 0; more -= 1) {
    await visitor.page.goBack();
  }
  assert.equal(new URL(visitor.page.url()).pathname, '/');
  assert.equal(await asks(), 0, 'on a page before it');
  await visitor.page.goForward();
  assert.equal(await asks(), 0, 'forward again');
});

journey('the banner speaks the language of the page', async (t, way) => {
  const visitor = await visit(t, way);
  await visitor.open('/biniau');
  assert.equal(await visitor.banner().getAttribute('lang'), 'cy');
  assert.equal(await visitor.banner().getByRole('heading').innerText(), 'Cwcis ar Marlbury Borough Council');
  await visitor.answer('Gwrthod cwcis ychwanegol');
  assert.match(await visitor.banner().innerText(), /Rydych wedi gwrthod cwcis ychwanegol\./);
  await visitor.page.getByRole('link', { name: /dudalen cwcis/ }).click();
  await visitor.page.waitForURL(/\/cookies\?lang=cy/);
  assert.equal(await visitor.page.locator('html').getAttribute('lang'), 'cy');
});

journey('by keyboard alone: the banner comes first, and one key chooses', async (t, way) => {
  const visitor = await visit(t, way);
  await visitor.open('/bins');
  const stops = [];
  for (let stop = 0; stop < 4; stop += 1) {
    stops.push((await visitor.tab()).name);
  }
  assert.deepEqual(stops, [ACCEPT, REJECT, 'View cookies', 'Skip to main content']);
  for (let back = 0; back < 2; back += 1) {
    await visitor.page.keyboard.press('Shift+Tab');
  }
  assert.equal((await visitor.focused()).name, REJECT);
  await visitor.page.keyboard.press('Enter');
  await visitor.banner().getByRole('button', { name: HIDE }).waitFor();
  assert.match(await visitor.banner().innerText(), /You have rejected additional cookies\./);
  const following = [(await visitor.tab()).name, (await visitor.tab()).name];
  assert.deepEqual(following, ['You can change this at any time on the cookies page.', HIDE]);
  await visitor.page.keyboard.press('Space');
  await visitor.banner().waitFor({ state: 'detached' });
  await visitor.page.keyboard.press('Tab');
  assert.equal((await visitor.focused()).name, 'Skip to main content');
});

test('with script, a form half filled in is not lost by a choice', async (t) => {
  for (const button of [ACCEPT, REJECT]) {
    const visitor = await visit(t, { javaScriptEnabled: true });
    await visitor.open('/bins');
    await visitor.page.getByLabel('Street').fill('12 High Street');
    await visitor.answer(button);
    await visitor.press(HIDE);
    assert.equal(await visitor.page.getByLabel('Street').inputValue(), '12 High Street', button);
    assert.equal(visitor.page.url(), `${town.site}/bins`);
    const { value } = await visitor.decision();
    assert.match(value, button === ACCEPT ? /\.7\.7$/ : /\.7\.0$/);
  }
});

test('with script, focus moves to the confirmation, and it is read out', async (t) => {
  const visitor = await visit(t, { javaScriptEnabled: true });
  await visitor.open('/bins');
  await visitor.answer(ACCEPT);
  const alert = visitor.page.getByRole('alert');
  assert.match(await alert.innerText(), /^You have accepted additional cookies\./);
  assert.ok(await alert.evaluate((element) => element === document.activeElement));
  assert.equal(await visitor.page.getByRole('button', { name: ACCEPT }).count(), 0);
  assert.equal(await visitor.page.getByRole('button', { name: HIDE }).count(), 1, 'the other outcome is not shown');
});

test('without script, the confirmation has the role of a status', async (t) => {
  const visitor = await visit(t);
  await visitor.open('/bins');
  await visitor.answer(REJECT);
  assert.match(await visitor.page.getByRole('status').innerText(), /^You have rejected additional cookies\./);
});

test('with script, a choice that cannot be sent by script is sent as a form', async (t) => {
  const visitor = await visit(t, { javaScriptEnabled: true });
  let failed = 0;
  await visitor.context.route('**/cookies', async (route) => {
    if (route.request().resourceType() === 'fetch') {
      failed += 1;
      await route.abort();
    } else {
      await route.continue();
    }
  });
  await visitor.open('/bins');
  await visitor.answer(REJECT);
  assert.equal(failed, 1);
  assert.equal(visitor.page.url(), `${town.site}/bins?pinfold-choice=rejected`);
  assert.match((await visitor.decision()).value, /\.7\.0$/);
});

test('a page that a browser keeps alive to go back to does not ask again', async (t) => {
  const keeping = await launchBrowser({ keepsPages: true });
  t.after(() => keeping.close());
  for (const javaScriptEnabled of [false, true]) {
    const visitor = await newVisitor(t, keeping, town.site, { javaScriptEnabled });
    await visitor.open('/');
    await visitor.page.goto('/bins');
    await visitor.answer(REJECT);
    await visitor.page.goto('/parking');
    for (let more = 4; new URL(visitor.page.url()).pathname !== '/' && more > 0; more -= 1) {
      await visitor.page.evaluate(() => history.back()).catch(() => {});
      await visitor.page.waitForTimeout(500);
    }
    assert.equal(new URL(visitor.page.url()).pathname, '/');
    assert.equal(await visitor.page.getByRole('button', { name: ACCEPT }).count(), 0, `${javaScriptEnabled}`);
  }
});

/** Makes the visitor's choice older. */
async function age(visitor, months) {
  const cookie = await visitor.decision();
  const [version, policy, month, ...rest] = cookie.value.split('.');
  const then = new Date(Date.UTC(month.slice(0, 4), month.slice(4) - 1 - months));
  const stamp = `${then.getUTCFullYear()}${String(then.getUTCMonth() + 1).padStart(2, '0')}`;
  await visitor.context.addCookies([{ ...cookie, value: [version, policy, stamp, ...rest].join('.') }]);
}
