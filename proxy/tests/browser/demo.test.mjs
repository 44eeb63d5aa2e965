// What a visitor of `pinfold demo` meets, in a real browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertSound, WITH_AXE } from './accessibility.mjs';
import { launchBrowser } from './browser.mjs';
import { startForeignSite } from './foreign-site.mjs';
import { startDemo } from './pinfold.mjs';
import { newVisitor } from './visitor.mjs';

const PAGES = ['/', '/bins', '/council-tax', '/planning', '/news/storm'];
const NOTHING = 'nothing beyond what is strictly necessary';
const STATISTICS = 'Cookies that count visits';
const MARKETING = 'Cookies that measure campaigns';

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

test('undecided: only what needs no consent is kept, and nobody else is asked for anything', async (t) => {
  const visitor = await visit(t);
  assert.equal(await visitor.open('/'), 200);
  assert.deepEqual(await visitor.received(), []);
  assert.equal(await visitor.open('/bins'), 200);

  assert.deepEqual(await visitor.jar(), ['last_section', 'pinfold-visit', 'session']);
  assert.deepEqual(await visitor.received(), ['session', 'last_section']);
  assert.equal(await visitor.allowed(), 'statistics');

  await visitor.open('/cookies');
  assert.deepEqual(await visitor.choiceShown(), ['You have not chosen yet.']);
  assert.deepEqual(await visitor.ticked(), { 'cookies[statistics]': 'yes', 'cookies[marketing]': 'no' });
  assert.deepEqual(await visitor.jar(), ['last_section', 'pinfold-visit', 'session']);

  const elsewhere = visitor.requests.filter((address) => new URL(address).origin !== demo.site);
  assert.deepEqual(elsewhere, []);
});

for (const javaScriptEnabled of [false, true]) {
  test(`accepting by keyboard alone, ${javaScriptEnabled ? 'with' : 'without'} script`, async (t) => {
    const visitor = await visit(t, { javaScriptEnabled });
    await visitor.open('/');
    await visitor.open('/cookies');
    for (const name of ['Skip to main content', 'Marlbury Borough Council', 'Cymraeg', 'Accept additional cookies']) {
      assert.equal((await visitor.tab()).name, name);
    }
    await visitor.page.keyboard.press('Enter');
    await visitor.page.waitForURL('/cookies?pinfold-choice=accepted');

    const status = visitor.page.getByRole('status');
    assert.match(await status.innerText(), /You have accepted additional cookies\./);
    assert.ok(await status.isVisible());

    await visitor.open('/bins');
    await visitor.open('/planning');
    assert.deepEqual(await visitor.jar(), ['_ga', '_ga_DEMO42', 'last_section', 'pinfold-consent', 'pinfold-visit', 'session']);
    assert.deepEqual(await visitor.received(), ['session', 'last_section', '_ga', '_ga_DEMO42']);
    assert.equal(await visitor.allowed(), 'statistics, marketing');
  });
}

test('focus goes down the cookies page in the order of its parts', async (t) => {
  const visitor = await visit(t);
  await visitor.open('/cookies');
  const expected = [
    'Skip to main content',
    'Marlbury Borough Council',
    'Cymraeg',
    'Accept additional cookies',
    'Reject additional cookies',
    `${STATISTICS}: Do you allow these cookies? Yes`,
    `${MARKETING}: Do you allow these cookies? No`,
    'Save my choice',
    'Text size Normal',
    'Contrast Normal',
    'Save my preferences',
  ];
  const stops = [];
  for (const _ of expected) {
    stops.push(await visitor.tab());
  }
  assert.deepEqual(
    stops.map((stop) => stop.name),
    expected,
  );
  const tops = stops.map((stop) => stop.top);
  assert.deepEqual(
    tops,
    tops.toSorted((one, other) => one - other),
  );
});

test('rejecting: the site is sent nothing more than it needs, and still answers', async (t) => {
  const visitor = await visit(t);
  await visitor.open('/');
  await visitor.open('/cookies');
  await visitor.press('Reject additional cookies');
  await visitor.page.waitForURL('/cookies?pinfold-choice=rejected');
  assert.match(await visitor.page.getByRole('status').innerText(), /You have rejected additional cookies\./);

  for (const path of PAGES) {
    assert.equal(await visitor.open(path), 200, path);
    assert.deepEqual(await visitor.received(), ['session'], path);
    assert.equal(await visitor.allowed(), NOTHING, path);
  }
  assert.equal(await visitor.open('/cookies'), 200);
  assert.deepEqual(await visitor.jar(), ['pinfold-consent', 'session'], 'what was allowed before the choice is gone');
});

test('choosing one by one: the page says what was chosen and when, and the cookie names nobody', async (t) => {
  const earliest = monthInLondon();
  const [visitor, another] = [await visit(t), await visit(t)];
  for (const { page } of [visitor, another]) {
    await page.goto('/cookies');
    await page.getByRole('group', { name: STATISTICS }).getByLabel('No', { exact: true }).check();
    await page.getByRole('group', { name: MARKETING }).getByLabel('Yes', { exact: true }).check();
    await page.getByRole('button', { name: 'Save my choice' }).click();
    await page.waitForURL('/cookies?pinfold-choice=saved');
  }
  assert.match(await visitor.page.getByRole('status').innerText(), /Your choice has been saved\./);

  const cookie = await visitor.decision();
  const form = /^1\.(?<version>[0-9a-f]{8})\.(?<year>\d{4})(?<month>\d{2})\.[0-9a-f]+\.[0-9a-f]+$/;
  const { version, year, month } = cookie.value.match(form)?.groups ?? assert.fail(cookie.value);
  assert.ok([earliest, monthInLondon()].includes(`${year}-${month}`), cookie.value);
  assert.deepEqual(
    { httpOnly: cookie.httpOnly, sameSite: cookie.sameSite, path: cookie.path, secure: cookie.secure },
    { httpOnly: true, sameSite: 'Lax', path: '/', secure: false },
  );
  assert.ok(cookie.expires > 0, 'it outlasts the browser');
  assert.equal((await another.decision()).value, cookie.value, 'who chooses the same holds the same');

  const name = new Date(Date.UTC(year, month - 1)).toLocaleString('en-GB', { month: 'long', timeZone: 'UTC' });
  assert.deepEqual(await visitor.choiceShown(), [
    `You chose in ${name} ${year}:`,
    `${STATISTICS}: refused`,
    `${MARKETING}: allowed`,
    `We will ask again in ${name} ${Number(year) + 1}. This choice is kept on your device alone.`,
  ]);
  assert.deepEqual(await visitor.ticked(), { 'cookies[statistics]': 'no', 'cookies[marketing]': 'yes' });
  assert.equal(await visitor.page.locator('footer').innerText(), `Version of these questions: ${version}`);

  await visitor.open('/');
  await visitor.open('/bins');
  assert.deepEqual(await visitor.received(), ['session', '_ga', '_ga_DEMO42']);
  assert.equal(await visitor.allowed(), 'marketing');
});

test('a change of mind: the page and the site follow', async (t) => {
  const visitor = await visit(t);
  const choose = async (button) => {
    await visitor.open('/cookies');
    await visitor.press(button);
    await visitor.page.waitForURL('/cookies?pinfold-choice=*');
    return (await visitor.choiceShown()).slice(1, 3);
  };
  assert.deepEqual(await choose('Accept additional cookies'), [`${STATISTICS}: allowed`, `${MARKETING}: allowed`]);
  await visitor.open('/');
  await visitor.open('/bins');
  assert.deepEqual(await visitor.received(), ['session', 'last_section', '_ga', '_ga_DEMO42']);

  assert.deepEqual(await choose('Reject additional cookies'), [`${STATISTICS}: refused`, `${MARKETING}: refused`]);
  assert.deepEqual(await visitor.ticked(), { 'cookies[statistics]': 'no', 'cookies[marketing]': 'no' });
  await visitor.open('/bins');
  assert.deepEqual(await visitor.received(), ['session']);
  assert.equal(await visitor.allowed(), NOTHING);
  assert.deepEqual(await visitor.jar(), ['pinfold-consent', 'session']);

  assert.deepEqual(await choose('Accept additional cookies'), [`${STATISTICS}: allowed`, `${MARKETING}: allowed`]);
  await visitor.open('/');
  await visitor.open('/bins');
  assert.deepEqual(await visitor.received(), ['session', 'last_section', '_ga', '_ga_DEMO42']);
});

test('Global Privacy Control: explained, never taken for a choice, and overridden by one', async (t) => {
  const visitor = await visit(t, { extraHTTPHeaders: { 'Sec-GPC': '1' } });
  await visitor.open('/');
  await visitor.open('/bins');
  assert.deepEqual(await visitor.jar(), ['last_section', 'session']);

  await visitor.open('/cookies');
  const [explained, ...rest] = await visitor.choiceShown();
  assert.match(explained, /Global Privacy Control/);
  assert.match(explained, /we have not asked you/);
  assert.deepEqual(rest, []);
  assert.equal(await visitor.decision(), undefined);

  await visitor.press('Accept additional cookies');
  await visitor.page.waitForURL('/cookies?pinfold-choice=accepted');
  const shown = await visitor.choiceShown();
  assert.deepEqual(shown.slice(1, 3), [`${STATISTICS}: allowed`, `${MARKETING}: allowed`]);
  assert.match(shown.at(-1), /Global Privacy Control signal.*What you choose here counts instead\./);

  await visitor.open('/');
  await visitor.open('/bins');
  assert.deepEqual(await visitor.received(), ['session', 'last_section', '_ga', '_ga_DEMO42']);
});

const WELSH_HEADINGS = [
  'h1 Cwcis ar Marlbury Borough Council',
  'h2 Eich dewis',
  'h2 Pob cwci ychwanegol',
  'h2 Dewis fesul un',
  "h3 Cwcis sy'n cyfrif ymweliadau",
  "h3 Cwcis sy'n mesur ymgyrchoedd",
  "h2 Sut yr hoffech i'r wefan hon fod",
  'h2 Cwcis cwbl angenrheidiol',
  'h2 Defnyddio cyfeiriadau IP a chwcis',
  'h3 Cyfeiriadau IP',
  'h3 Yr hyn rydym yn ei gyfrif',
  'h3 Cwcis',
  'h3 Sut i newid eich dewis',
];

test('Welsh: one link away, and kept through the form', async (t) => {
  const visitor = await visit(t);
  const language = () => visitor.page.locator('html').getAttribute('lang');
  await visitor.open('/cookies');
  assert.equal(await language(), 'en');
  await visitor.page.getByRole('link', { name: 'Cymraeg' }).click();
  await visitor.page.waitForURL('/cookies?lang=cy');
  assert.equal(await language(), 'cy');
  assert.equal(await visitor.page.title(), 'Cwcis ar Marlbury Borough Council');
  assert.deepEqual(await visitor.headings(), WELSH_HEADINGS);
  assert.deepEqual(await visitor.page.getByRole('button').allInnerTexts(), [
    'Derbyn cwcis ychwanegol',
    'Gwrthod cwcis ychwanegol',
    'Cadw fy newis',
    'Cadw fy ngosodiadau',
  ]);

  await visitor.page.getByRole('group', { name: "Cwcis sy'n mesur" }).getByLabel('Ydw', { exact: true }).check();
  await visitor.press('Cadw fy newis');
  await visitor.page.waitForURL('/cookies?lang=cy&pinfold-choice=saved');
  assert.equal(await language(), 'cy');
  assert.match(await visitor.page.getByRole('status').innerText(), /Mae eich dewis wedi'i gadw\./);
  assert.deepEqual(await visitor.headings(), ["h2 Wedi'i gadw", ...WELSH_HEADINGS]);
  assert.deepEqual((await visitor.choiceShown()).slice(1, 3), [
    "Cwcis sy'n cyfrif ymweliadau: caniateir",
    "Cwcis sy'n mesur ymgyrchoedd: caniateir",
  ]);

  await visitor.page.getByRole('link', { name: 'English' }).click();
  await visitor.page.waitForURL('/cookies?lang=en');
  assert.equal(await language(), 'en');
});

test('Welsh: what the site wrote in English alone is marked as English (WCAG 3.1.2)', async (t) => {
  const visitor = await visit(t);
  await visitor.open('/cookies?lang=cy');
  const english = /\b(Keeps what you have typed|Says which part|Tells visitors|Until you close|1 day|13 months)\b/;
  const welsh = await visitor.page.locator('td, td *').evaluateAll((elements) => {
    const ownText = ({ childNodes }) => [...childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    const marked = elements.filter((element) => element.closest('[lang]').lang === 'cy');
    return marked.flatMap(ownText).map((text) => text.data);
  });
  assert.ok(welsh.length > 0);
  assert.deepEqual(
    welsh.filter((text) => english.test(text)),
    [],
  );
});

test('the cookies page reads in order without its stylesheet', async (t) => {
  const visitor = await visit(t);
  await visitor.context.route('**/*.css', (route) => route.abort());
  await visitor.open('/cookies');
  const headings = [
    'h1 Cookies on Marlbury Borough Council',
    'h2 Your choice',
    'h2 All additional cookies',
    'h2 Choose one by one',
    `h3 ${STATISTICS}`,
    `h3 ${MARKETING}`,
    'h2 How you would like this site',
    'h2 Cookies that are strictly necessary',
    'h2 Use of IP addresses and cookies',
    'h3 IP addresses',
    'h3 What we count',
    'h3 Cookies',
    'h3 How to change your choice',
  ];
  assert.deepEqual(await visitor.headings(), headings);
  assert.ok(await visitor.page.getByRole('link', { name: 'Skip to main content' }).isVisible());

  assert.equal((await visitor.tab()).name, 'Skip to main content');
  await visitor.page.keyboard.press('Enter');
  assert.equal(new URL(visitor.page.url()).hash, '#main');
  assert.equal((await visitor.tab()).name, 'Accept additional cookies');

  await visitor.press('Reject additional cookies');
  await visitor.page.waitForURL('/cookies?pinfold-choice=rejected');
  assert.deepEqual(await visitor.headings(), ['h2 Saved', ...headings]);
});

// A page on another port is another origin; under another name of this machine it is another site as well.
for (const name of ['localhost', '127.0.0.1']) {
  test(`a form on another site, at ${name}, chooses nothing`, async (t) => {
    const visitor = await visit(t);
    const port = await startForeignSite(t, `${demo.site}/cookies`);
    const send = async () => {
      await visitor.open(`http://${name}:${port}/`);
      const answered = visitor.page.waitForResponse(`${demo.site}/cookies`);
      await visitor.press('Win');
      return (await answered).status();
    };
    assert.equal(await send(), 403);
    assert.deepEqual(await visitor.jar(), []);

    await visitor.open('/cookies');
    await visitor.press('Reject additional cookies');
    await visitor.page.waitForURL('/cookies?pinfold-choice=rejected');
    const { value } = await visitor.decision();
    assert.equal(await send(), 403);
    assert.equal((await visitor.decision()).value, value);
  });
}

const CONFIRMED = '/cookies?pinfold-choice=accepted';
const CONFIRMED_IN_WELSH = '/cookies?lang=cy&pinfold-choice=accepted';

for (const { name, path, accept = false } of [
  { name: 'home', path: '/' },
  { name: 'bins', path: '/bins' },
  { name: 'cookies-en-undecided', path: '/cookies' },
  { name: 'cookies-cy-undecided', path: '/cookies?lang=cy' },
  { name: 'cookies-en-decided', path: CONFIRMED, accept: true },
  { name: 'cookies-cy-decided', path: CONFIRMED_IN_WELSH, accept: true },
]) {
  test(`page_07 every theme and width: ${name}`, async (t) => {
    const visitor = await visit(t, WITH_AXE);
    if (accept) {
      await visitor.open('/cookies');
      await visitor.press('Accept additional cookies');
      await visitor.page.waitForURL(CONFIRMED);
    }
    await assertSound(t, visitor.page, name, path);
  });
}

test('every theme and width: admin', async (t) => {
  const visitor = await visit(t, WITH_AXE);
  // The page has figures to show, whichever tests ran before.
  await visitor.open('/');
  await visitor.open('/cookies');
  await visitor.press('Accept additional cookies');
  await visitor.page.waitForURL(CONFIRMED);
  await visitor.open('/bins');

  await visitor.open(demo.admin);
  const text = await visitor.page.locator('main').innerText();
  for (const shown of ['_ga*', 'promo_seen', 'session', 'What visitors chose']) {
    assert.ok(text.includes(shown), shown);
  }
  await assertSound(t, visitor.page, 'admin', `${demo.admin}/`);
});

test('told to stop, the demo ends well and leaves nothing behind', async () => {
  assert.deepEqual(await demo.stop(), { code: 0, signal: null, left: [] });
});

function monthInLondon() {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', year: 'numeric', month: '2-digit' });
  const [month, year] = parts.format(new Date()).split('/');
  return `${year}-${month}`;
}
