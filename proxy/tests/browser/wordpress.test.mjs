// A council's WordPress behind Pinfold: what visitors and editors do with it, whatever they chose.

import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { EXECUTABLE, launchBrowser } from './browser.mjs';
import { pinfold as run, startPinfold } from './pinfold.mjs';
import { startTlsEnd } from './stand-in.mjs';
import { newVisitor } from './visitor.mjs';
import { startWordPress } from './wordpress.mjs';

const DOMAIN = 'council.example';
const SITE = `https://www.${DOMAIN}`;
const EDITOR = { name: 'clerk', email: `clerk@${DOMAIN}`, password: 'marl pit horse' };
const CLIENT = '203.0.113.77';
const ACCEPT = 'Accept additional cookies';
const REJECT = 'Reject additional cookies';
const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

const configuration = (consent = '') => `version = 1

[site]
name = "Marlbury Borough Council"
url = "${SITE}"

[client_address]
source = "x-forwarded-for"
trusted_proxies = ["127.0.0.1"]

[consent]
${consent}

[[purpose]]
id = "preferences"
basis = "appearance"
title = "Cookies that remember how you like the site"
description = "They keep your name for the next comment, and how the pages for editors are laid out."
services = ["wordpress-preferences"]

[[purpose]]
id = "marketing"
basis = "consent"
title = "Cookies that measure campaigns"
description = "They tell Google and us which of our campaigns brought you here."
services = ["google-analytics"]

[[cookie]]
name = "campaign_*"
purpose = "marketing"
description = "Tells visitors of campaigns apart."
lifetime = "1 year"

[[embed]]
purpose = "marketing"
hosts = ["www.youtube.com"]

[[embed]]
purpose = "strictly-necessary"
hosts = ["s.w.org"]
`;

let wordpress;
let pinfold;
let ends;
let browser;
let unguarded;

before(async () => {
  wordpress = await startWordPress({ url: SITE, user: EDITOR });
  pinfold = await startPinfold({ configuration: configuration(), origin: wordpress.address });
  ends = await Promise.all([
    startTlsEnd(pinfold.site, DOMAIN, { 'x-forwarded-for': CLIENT }),
    startTlsEnd(wordpress.address, DOMAIN, { 'x-forwarded-proto': 'https' }),
  ]);
  const rules = ends.map((end) => [...end.rules, 'MAP * ~NOTFOUND']);
  [browser, unguarded] = await Promise.all(rules.map((hosts) => launchBrowser({ hosts })));
});

after(async () => {
  await Promise.all([browser?.close(), unguarded?.close()]);
  ends?.forEach((end) => end.close());
  await pinfold?.stop();
  await wordpress?.stop();
});

/** Somebody with script, and what went wrong in their pages. */
async function visit(t, through = browser) {
  const visitor = await newVisitor(t, through, SITE, { javaScriptEnabled: true, ignoreHTTPSErrors: true });
  visitor.faults = [];
  visitor.pages = [];
  visitor.context.on('weberror', (error) => visitor.faults.push(`${error.error()}`));
  visitor.context.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) {
      visitor.faults.push(message.text());
    }
  });
  visitor.context.on('response', (response) => {
    const { 'content-type': type = '', 'cache-control': caching = '' } = response.headers();
    if (type.startsWith('text/html') && response.ok()) {
      visitor.pages.push({ url: response.url(), caching });
    }
  });
  return visitor;
}

async function decide(visitor, choice) {
  await visitor.open('/');
  if (choice) {
    await visitor.answer(choice);
  }
}

async function signIn({ page }) {
  await page.goto('/wp-admin/');
  assert.match(page.url(), /\/wp-login\.php\?/, 'whoever is not signed in is sent to sign in');
  // Where the cursor is put by a script would be where the password is typed.
  await page.locator('#user_login:focus').waitFor();
  await page.getByLabel('Username or Email Address').fill(EDITOR.name);
  await page.getByLabel('Password', { exact: true }).fill(EDITOR.password);
  await page.getByRole('button', { name: 'Log In' }).click();
  await page.waitForURL('**/wp-admin/');
}

async function signOut({ page }) {
  await page.goto(await page.locator('#wp-admin-bar-logout a').getAttribute('href'));
  await page.getByText('You are now logged out.').waitFor();
}

/** The cookies in the jar that match, as "name=value". */
async function held({ context }, pattern) {
  const cookies = await context.cookies();
  return cookies.map(({ name, value }) => `${name}=${value}`).filter((pair) => pattern.test(pair)).sort();
}

/** The cookies that WordPress itself has set, as "name=value", in order. What it takes back is no value. */
async function given(pattern, since = 0) {
  const requests = (await wordpress.requests()).slice(since);
  const fields = requests.flatMap(({ fields }) => fields).filter((field) => field.startsWith('Set-Cookie: '));
  const pairs = fields.map((field) => field.slice('Set-Cookie: '.length).split(';')[0]);
  return pairs.filter((pair) => pattern.test(pair) && !/=(%20|deleted)$/.test(pair));
}

/** The cookies that WordPress was sent with its last request for a page. */
async function received(path) {
  const request = (await wordpress.requests()).findLast(({ url }) => url.split('?')[0] === path);
  return request.cookie.split('; ').filter(Boolean);
}

const names = (pairs) => pairs.map((pair) => pair.split('=')[0].replace(/[0-9a-f]{32}$/, '#'));
const distinct = (values) => [...new Set(values)].sort();

test('law_03 the first page asks, sets nothing that needs consent, and holds what others would show', async (t) => {
  const visitor = await visit(t);
  for (const path of ['/', '/hello-world/', '/recycling/', '/?packed']) {
    assert.equal(await visitor.open(path), 200, path);
    assert.ok(await visitor.banner().isVisible(), path);
    assert.deepEqual(await visitor.jar(), ['__Host-pinfold-visit'], path);
  }
  assert.match((await given(/^campaign_visitor=/)).join(), /campaign_visitor/, 'it was set, and held');
  await visitor.open('/recycling/');
  assert.deepEqual(await received('/recycling/'), []);
  assert.deepEqual(visitor.requests.filter((url) => url.includes('youtube')), []);
  assert.equal(await visitor.open('/no-such-page/'), 404);
  assert.ok(await visitor.banner().isVisible());
  assert.deepEqual(visitor.faults, []);
});

test('with the banner taken away its pages look as they do without Pinfold', async (t) => {
  const [visitor, other] = [await visit(t), await visit(t, unguarded)];
  // A script of the last puts the cursor into the form, a little later.
  for (const [path, settled] of [['/', 'body'], ['/hello-world/', 'body'], ['/wp-login.php', '#user_login:focus']]) {
    const pictures = [];
    for (const { page } of [visitor, other]) {
      await page.goto(path);
      await page.locator(settled).waitFor();
      await page.evaluate(() => document.querySelector('.pinfold-banner')?.remove());
      pictures.push(await page.screenshot({ fullPage: true, animations: 'disabled' }));
    }
    assert.ok(pictures[0].equals(pictures[1]), path);
  }
});

for (const [state, choice] of [['undecided', undefined], ['refused', REJECT], ['accepted', ACCEPT]]) {
  test(`cookie_01 an editor signs in, works and signs out: ${state}`, async (t) => {
    const visitor = await visit(t);
    const { page } = visitor;
    await decide(visitor, choice);
    const since = (await wordpress.requests()).length;
    await signIn(visitor);

    const session = /^wordpress_(sec|logged_in|test)/;
    const mine = await held(visitor, session);
    assert.deepEqual(distinct(names(mine)), ['wordpress_logged_in_#', 'wordpress_sec_#', 'wordpress_test_cookie']);
    assert.deepEqual(distinct(mine), distinct(await given(session, since)), 'byte for byte as they were set');
    assert.deepEqual(distinct((await received('/wp-admin/')).filter((pair) => session.test(pair))), distinct(mine));

    if (state === 'undecided') {
      assert.deepEqual(await covered(page), [], 'the menu that stays in place leaves the banner alone');
    }
    const title = `Bins ${state}`;
    await writePost(page, title);
    await renamePost(page, title);
    await writePage(page, title);
    await upload(page, `map-${state}.png`);
    assert.deepEqual(distinct(await held(visitor, session)), distinct(mine));

    assert.ok(visitor.pages.length > 5);
    for (const { url, caching } of visitor.pages) {
      assert.match(caching, /\bprivate\b/, url);
      assert.doesNotMatch(caching, /public|s-maxage/, url);
    }
    await signOut(visitor);
    assert.deepEqual(await held(visitor, /^wordpress_(sec|logged_in)/), []);
    assert.deepEqual(visitor.faults, []);
  });
}

/** What of the banner cannot be seen where it begins, or is written smaller than the banner says. */
async function covered(page) {
  await page.setViewportSize({ width: 1024, height: 720 });
  return page.locator('.pinfold-banner').locator('h2, p, button').evaluateAll((parts) =>
    parts
      .filter((part) => part.checkVisibility())
      .filter((part) => {
        const { left, top, height } = part.getBoundingClientRect();
        const size = (element) => parseFloat(getComputedStyle(element).fontSize);
        const seen = part.contains(document.elementFromPoint(left + 3, top + height / 2));
        return !seen || size(part) < size(part.closest('.pinfold-banner'));
      })
      .map((part) => part.innerText),
  );
}

/** With the block editor, which speaks to the site by REST and by admin-ajax.php. */
async function writePost(page, title) {
  await page.goto('/wp-admin/post-new.php');
  await page.waitForFunction(() => window.wp?.data?.select('core/editor')?.getCurrentPostId());
  const saved = await page.evaluate(async (title) => {
    const { dispatch, select } = window.wp.data;
    dispatch('core/editor').editPost({ title, content: '<p>Monday</p>', status: 'publish' });
    await dispatch('core/editor').savePost();
    return select('core/editor').didPostSaveRequestSucceed() && select('core/editor').getPermalink();
  }, title);
  const beat = page.waitForResponse((response) => response.url().endsWith('/wp-admin/admin-ajax.php'));
  await page.evaluate(() => window.wp.heartbeat.connectNow());
  assert.equal((await beat).status(), 200);
  await page.goto(saved);
  assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), title);
}

/** With the older editor, whose script and PHP tell one another by a cookie whether it was saved. */
async function writePage(page, title) {
  await page.goto('/wp-admin/post-new.php?post_type=page');
  await page.locator('#title').fill(title);
  await page.locator('#publish').click();
  await page.locator('#message.updated').waitFor();
  const saved = (await wordpress.requests()).findLast(({ method, url }) => method === 'POST' && url === '/wp-admin/post.php');
  assert.match(saved.cookie, /\bwp-saving-post=\d+-check\b/);
  assert.deepEqual(await held({ context: page.context() }, /^wp-saving-post=.*-check/), [], 'it was answered');
}

/** In the list of posts, by admin-ajax.php. */
async function renamePost(page, title) {
  await page.goto('/wp-admin/edit.php');
  const row = page.locator('#the-list tr', { has: page.getByText(title, { exact: true }) });
  await row.hover();
  await row.locator('button.editinline').click();
  const editor = page.locator('.inline-editor');
  await editor.locator('input[name=post_title]').fill(`${title} again`);
  await editor.locator('button.save').click();
  await page.locator('a.row-title', { hasText: `${title} again` }).waitFor();
}

async function upload(page, name) {
  await page.goto('/wp-admin/media-new.php');
  const sent = page.waitForResponse((response) => response.url().endsWith('/wp-admin/async-upload.php'));
  await page.locator('input[type=file][id^=html5]').setInputFiles({ name, mimeType: 'image/png', buffer: PICTURE });
  assert.equal((await sent).status(), 200);
  await page.goto('/wp-admin/upload.php?mode=list');
  await page.locator('#the-list tr', { hasText: name }).waitFor();
}

async function withdraw(visitor) {
  await visitor.open('/cookies');
  await visitor.choose(REJECT);
}

test('cookie_10 what PHP and a script set of campaigns is there once agreed to, and gone once refused', async (t) => {
  const visitor = await visit(t);
  const campaign = /^(campaign_visitor|_ga)=/;
  await decide(visitor, ACCEPT);
  await visitor.open('/recycling/');
  assert.ok(visitor.requests.some((url) => url === 'https://www.youtube.com/embed/bins'), 'the video is asked for');
  await visitor.open('/hello-world/');
  const mine = await held(visitor, campaign);
  assert.deepEqual(names(mine), ['_ga', 'campaign_visitor']);
  assert.equal(mine[1], (await given(campaign)).at(-1));
  assert.deepEqual((await received('/hello-world/')).sort(), mine);

  await withdraw(visitor);
  await visitor.open('/recycling/');
  assert.deepEqual(await held(visitor, campaign), []);
  assert.deepEqual(await received('/recycling/'), []);
});

test('cookie_10 how an editor likes the pages is remembered until refused, and taking it back signs nobody out', async (t) => {
  const visitor = await visit(t);
  const layout = /^wp-settings-/;
  await signIn(visitor);
  await visitor.page.locator('#collapse-button').click();
  await visitor.open('/wp-admin/edit.php');
  const mine = await held(visitor, layout);
  assert.deepEqual(names(mine), ['wp-settings-1', 'wp-settings-time-1']);
  assert.match(mine[0], /mfold(=|%3D)f/);
  assert.deepEqual((await received('/wp-admin/edit.php')).filter((pair) => /^wp-settings-1=/.test(pair)), [mine[0]]);
  assert.ok((await given(layout)).includes(mine[1]));

  await withdraw(visitor);
  assert.equal(await visitor.open('/wp-admin/edit.php'), 200);
  assert.deepEqual(await held(visitor, layout), []);
  await visitor.page.locator('#collapse-button').click();
  await visitor.open('/wp-admin/edit.php');
  assert.deepEqual((await received('/wp-admin/edit.php')).filter((pair) => layout.test(pair)), [], 'though a script set it');
  await visitor.page.locator('#wp-admin-bar-logout').waitFor({ state: 'attached' });
});

/** Comments, and asks to be remembered. */
async function comment({ page }, text) {
  await page.goto('/hello-world/');
  await page.locator('#comment').fill(text);
  await page.locator('#author').fill('Dafydd Pugh');
  await page.locator('#email').fill('d.pugh@example.org');
  await page.locator('#url').fill('https://pugh.example.org');
  await page.locator('#wp-comment-cookies-consent').check();
  await page.locator('#submit').click();
  await page.getByText(text).waitFor();
}

const COMMENTER = /^comment_author_/;
const REMEMBERED = ['comment_author_#', 'comment_author_email_#', 'comment_author_url_#'];

test('cookie_10 who asks to be remembered for the next comment is, until they refuse', async (t) => {
  const visitor = await visit(t);
  await comment(visitor, 'The brown bins, too?');
  const mine = await held(visitor, COMMENTER);
  assert.deepEqual(names(mine), REMEMBERED);
  assert.deepEqual(mine, distinct(await given(COMMENTER)));
  await visitor.open('/hello-world/');
  assert.equal(await visitor.page.locator('#author').inputValue(), 'Dafydd Pugh');

  await withdraw(visitor);
  await visitor.open('/hello-world/');
  assert.deepEqual(await held(visitor, COMMENTER), []);
  assert.equal(await visitor.page.locator('#author').inputValue(), '');
});

test('what WordPress compresses reaches the browser so', async (t) => {
  const visitor = await visit(t);
  const styles = visitor.page.waitForResponse(/\/load-styles\.php/);
  await signIn(visitor);
  assert.equal((await styles).headers()['content-encoding'], 'gzip');
});

test('where everything is asked first, a commenter is forgotten until they agree', async (t) => {
  pinfold = await pinfold.restart(configuration('regime = "consent"'));
  const visitor = await visit(t);
  await comment(visitor, 'And garden waste?');
  assert.deepEqual(await visitor.jar(), []);
  await visitor.answer(ACCEPT);
  await comment(visitor, 'What of glass?');
  assert.deepEqual(names(await held(visitor, COMMENTER)), REMEMBERED);
});

test('the report has the visits and the cookies, and its store neither an address nor a value', async () => {
  const { report, store } = await pinfold.account();
  assert.ok(report.visits.visits >= 5, 'all but those of the regime that asks first');
  assert.ok(report.visits.pages > report.visits.visits);
  const told = report.cookies.map(({ pattern, purpose, direction, action }) => [pattern, purpose, direction, action].join(' '));
  const expected = [
    '_ga marketing request passed',
    '_ga marketing response removed',
    'campaign_* marketing response withheld',
    'campaign_* marketing response passed',
    'campaign_* marketing response removed',
    'comment_author_* preferences response passed',
    'comment_author_* preferences response removed',
    'comment_author_* preferences response withheld',
    'wordpress_logged_in_* strictly-necessary request passed',
    'wordpress_sec_* strictly-necessary response passed',
    'wordpress_test_cookie strictly-necessary request passed',
    'wp-saving-post strictly-necessary request passed',
    'wp-settings-* preferences request withheld',
    'wp-settings-* preferences response removed',
  ];
  assert.deepEqual(expected.filter((row) => !told.includes(row)), []);
  // Names of its first years, which WordPress only takes back.
  const undeclared = report.cookies.filter(({ purpose }) => purpose === 'undeclared').map(({ pattern }) => pattern);
  assert.deepEqual(undeclared.filter((pattern) => !/^wordpress(user|pass)_/.test(pattern)), []);

  assert.ok(store.length > 4096);
  const values = (await given(/./)).map((pair) => pair.slice(pair.indexOf('=') + 1));
  assert.ok(values.length > 20);
  const secrets = [CLIENT, '\xcb\x00\x71\x4d', ...values.flatMap((value) => [value, decodeURIComponent(value)])];
  for (const secret of distinct(secrets).filter((secret) => secret.length > 3)) {
    assert.ok(!store.includes(secret), secret);
  }
});

/** What an operator fills in. It is all that a scan leaves open. */
const DECISIONS = [
  [/^title = "" +# such as .*$/m, 'title = "Cookies that measure campaigns"'],
  [/^title = "" +# the same in Welsh$/m, 'title = "Cwcis sy\'n mesur ymgyrchoedd"'],
  [/^description = "" +# the same in Welsh$/gm, 'description = "Maent yn dweud wrthym pa ymgyrch a ddaeth â chi yma."'],
  [/^description = "" +# .*$/gm, 'description = "They tell us which of our campaigns brought you here."'],
  [/^purpose = "" +# .*$/gm, 'purpose = "marketing"'],
];

test('init, scan and check lead to a configuration with which all of this works', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'pinfold-setup-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'pinfold.toml');
  await run('init', '--origin', wordpress.address, '--site-name', 'Marlbury', '--host', `www.${DOMAIN}`, '--output', file);

  const since = (await wordpress.requests()).length;
  const found = await run('scan', wordpress.address, '--config', file, '--browser', EXECUTABLE);
  assert.ok(found.includes(`# ${wordpress.address} was asked as ${SITE}.\n`), found);
  assert.doesNotMatch(found, /Not looked at|No browser keeps/);
  for (const expected of [/^services = \["wordpress-preferences"\]$/m, /^name = "campaign_visitor"$/m, /"www\.youtube\.com"/, /"s\.w\.org"/]) {
    assert.match(found, expected);
  }
  const pages = (await wordpress.requests()).slice(since).map(({ url }) => url.split('?')[0]);
  assert.deepEqual(['/', '/hello-world/', '/recycling/', '/wp-login.php'].filter((page) => !pages.includes(page)), []);

  await appendFile(file, DECISIONS.reduce((text, [open, decided]) => text.replace(open, decided), found));
  assert.match(await run('check', '--strict', '--config', file), /is sound/);
  const again = await run('scan', wordpress.address, '--config', file, '--browser', EXECUTABLE);
  assert.doesNotMatch(again, /^[^#\n]/m, 'nothing is left to write');

  const guarded = await startPinfold({ configuration: await readFile(file, 'utf8'), origin: wordpress.address });
  t.after(() => guarded.stop());
  const end = await startTlsEnd(guarded.site, DOMAIN, { 'x-forwarded-for': CLIENT });
  t.after(() => end.close());
  const through = await launchBrowser({ hosts: [...end.rules, 'MAP * ~NOTFOUND'] });
  t.after(() => through.close());
  for (const [choice, remembered] of [[REJECT, []], [ACCEPT, REMEMBERED]]) {
    const visitor = await visit(t, through);
    await decide(visitor, choice);
    await comment(visitor, `Bins, and ${choice}`);
    assert.deepEqual(names(await held(visitor, COMMENTER)), remembered, choice);
    await signIn(visitor);
    assert.equal((await held(visitor, /^campaign_visitor=/)).length, choice === ACCEPT ? 1 : 0);
    assert.equal((await held(visitor, /^wp-settings-/)).length > 0, choice === ACCEPT);
    await writePost(visitor.page, `Skips ${choice}`);
    await signOut(visitor);
    assert.deepEqual(await held(visitor, /^wordpress_(sec|logged_in)/), []);
    assert.deepEqual(visitor.faults, []);
  }
});

test('an editor signs in where a site is tried on the own machine, without TLS', async (t) => {
  const plain = await startPinfold({
    configuration: 'version = 1\n[site]\nname = "Marlbury"\nurl = "http://localhost"\n',
    origin: wordpress.address,
  });
  t.after(() => plain.stop());
  await wordpress.moveTo(plain.site);
  const without = await launchBrowser();
  t.after(() => without.close());
  const visitor = await newVisitor(t, without, plain.site, { javaScriptEnabled: true });
  await signIn(visitor);
  const session = await held(visitor, /^wordpress_/);
  assert.deepEqual(distinct(names(session)), ['wordpress_#', 'wordpress_logged_in_#', 'wordpress_test_cookie']);
  await signOut(visitor);
});
