// Pages as councils really serve them: with a strict security policy, compressed, in old encodings, a part at a time.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from 'node:zlib';

import { launchBrowser } from './browser.mjs';
import { NAME, page, startTown } from './town.mjs';
import { newVisitor } from './visitor.mjs';

const REJECT = 'Reject additional cookies';
const STRICT = "default-src 'none'; style-src 'self'; form-action 'self'; script-src 'nonce-x'";
const WELSH = 'Casgliad gwastraff: dŵr, ŷd, tŷ, gŵydd, Llanfair-ym-Muallt — £5 “gostyngiad”';
const LONG = `<p>${'Bins are put out at dawn. '.repeat(4000)}</p>`;

let browser;
let town;
let release;

before(async () => {
  const html = (headers, body) => (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html', ...headers }).end(body);
  };
  const packed = (coding, pack) =>
    html({ 'content-type': 'text/html; charset=utf-8', 'content-encoding': coding }, pack(text(WELSH + LONG)));
  town = await startTown({
    pages: {
      '/strict': html({ 'content-security-policy': STRICT }, page({ head: '<script nonce="x">window.own=1</script>' })),
      '/identity': html({ 'content-type': 'text/html; charset=utf-8' }, text(WELSH + LONG)),
      '/gzip': packed('gzip', gzipSync),
      '/deflate': packed('deflate', deflateSync),
      '/br': packed('br', brotliCompressSync),
      '/zstd': packed('zstd', zstd),
      '/windows-1252': html({ 'content-type': 'text/html; charset=windows-1252' }, windows1252('')),
      '/windows-1252-meta': html({}, windows1252('<meta charset="windows-1252">')),
      '/shift-jis': html({ 'content-type': 'text/html; charset=Shift_JIS' }, shiftJis('')),
      '/shift-jis-meta': html({}, shiftJis('<meta http-equiv="Content-Type" content="text/html; charset=shift_jis">')),
      '/utf-8-meta': html({}, text(WELSH)),
      '/bytes': (_, response) => byteByByte(response, Buffer.from(text(WELSH))),
      '/shift-jis-bytes': (_, response) =>
        byteByByte(response, shiftJis(''), { 'content-type': 'text/html; charset=shift_jis' }),
      '/slow': (_, response) => slowly(response, (part) => response.write(part)),
      '/slow-gzip': (_, response) => {
        const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
        gzip.pipe(response);
        slowly(response, (part) => gzip.write(part), { 'content-encoding': 'gzip' }, () => gzip.end());
      },
    },
  });
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await town?.stop();
});

const visit = (t, options) => newVisitor(t, browser, town.site, options);

for (const javaScriptEnabled of [false, true]) {
  const way = javaScriptEnabled ? 'with script' : 'without script';

  test(`page_09 a strict security policy: the banner works, and needs nothing inline, ${way}`, async (t) => {
    const visitor = await visit(t, { javaScriptEnabled });
    const messages = [];
    visitor.page.on('console', (message) => messages.push(message.text()));
    await visitor.open('/strict');
    const banner = visitor.banner();
    assert.equal(await banner.evaluate((one) => getComputedStyle(one).paddingTop), '16px', 'its stylesheet is there');
    assert.equal(await banner.locator('style, [style], script:not([src]), [onclick], [onsubmit]').count(), 0);
    await visitor.answer(REJECT);
    assert.equal(visitor.page.url(), `${town.site}/strict?pinfold-choice=rejected`);
    assert.match(await banner.innerText(), /You have rejected additional cookies\./);
    await visitor.press('Hide this message');
    await visitor.page.waitForURL('/strict');
    assert.equal(await visitor.banner().count(), 0);
    const refused = messages.filter((message) => /Content Security Policy/.test(message));
    assert.deepEqual(
      refused.filter((message) => !/script-src/.test(message)),
      [],
    );
    assert.equal(refused.length > 0, javaScriptEnabled, 'its script alone is refused, and would be told of here');
    assert.ok(!javaScriptEnabled || (await visitor.page.evaluate(() => window.own)) === 1);
  });
}

for (const coding of ['identity', 'gzip', 'deflate', 'br', 'zstd']) {
  test(`page_04 compressed though it was asked not to be: ${coding}`, async (t) => {
    const visitor = await visit(t);
    await visitor.open(`/${coding}`);
    assert.equal(await visitor.page.locator('h1').innerText(), WELSH);
    assert.equal(await visitor.page.locator('p.end').innerText(), 'The end');
    assert.equal(await visitor.banner().getByRole('heading').innerText(), `Cookies on ${NAME}`);
    assert.equal(town.origin.last(`/${coding}`).headers['accept-encoding'], 'identity');
  });
}

for (const [path, expected] of [
  ['/windows-1252', 'Café – “ten” £5 €6 ü'],
  ['/windows-1252-meta', 'Café – “ten” £5 €6 ü'],
  ['/shift-jis', '表示ソフト能力'],
  ['/shift-jis-meta', '表示ソフト能力'],
  ['/shift-jis-bytes', '表示ソフト能力'],
  ['/utf-8-meta', WELSH],
  ['/bytes', WELSH],
]) {
  test(`form_05 the text is right and so is the banner: ${path}`, async (t) => {
    const visitor = await visit(t, { locale: 'cy' });
    await visitor.open(path);
    assert.equal(await visitor.page.locator('h1').innerText(), expected);
    assert.equal(await visitor.page.locator('p.end').innerText(), 'The end');
    assert.equal(await visitor.banner().getByRole('heading').innerText(), `Cwcis ar ${NAME}`);
    assert.match(await visitor.banner().innerText(), /ddefnyddio: Cwcis sy'n mesur/);
    const held = await visitor.page.locator('body > :first-child').getAttribute('class');
    assert.equal(held, 'pinfold-banner');
  });
}

for (const path of ['/slow', '/slow-gzip']) {
  test(`page_05 the first part is shown before the site has sent the second: ${path}`, async (t) => {
    const visitor = await visit(t);
    await visitor.page.goto(path, { waitUntil: 'commit' });
    await visitor.page.getByRole('heading', { name: 'First part' }).waitFor({ timeout: 5_000 });
    assert.ok(await visitor.banner().isVisible());
    assert.ok(await visitor.page.getByRole('button', { name: REJECT }).isVisible());
    assert.equal(await visitor.page.getByRole('heading', { name: 'Second part' }).count(), 0);
    release();
    await visitor.page.getByRole('heading', { name: 'Second part' }).waitFor({ timeout: 5_000 });
    assert.equal(await visitor.banner().count(), 1);
  });
}

/** A page of no language, which begins with this text. */
function text(heading, head = '<meta charset="utf-8">') {
  const [title, ...rest] = heading.split('<p>');
  const more = rest.map((one) => `<p>${one}`).join('');
  return `<!DOCTYPE html><html><head>${head}<title>Page</title></head><body><h1>${title}</h1>${more}<p class="end">The end</p></body></html>`;
}

function withHeading(heading, head) {
  const [before, after] = text('@', head).split('@');
  return Buffer.concat([Buffer.from(before), Buffer.from(heading), Buffer.from(after)]);
}

function windows1252(head) {
  return withHeading(Buffer.from('Caf\xe9 \x96 \x93ten\x94 \xa35 \x806 \xfc', 'latin1'), head);
}

/** Words in which second bytes are `\`, over which a careless parser trips. */
function shiftJis(head) {
  return withHeading([0x95, 0x5c, 0x8e, 0xa6, 0x83, 0x5c, 0x83, 0x74, 0x83, 0x67, 0x94, 0x5c, 0x97, 0xcd], head);
}

/** A frame of blocks that are stored as they are (RFC 8878 section 3.1.1): Node packs no zstd before version 22. */
function zstd(body) {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(9);
  head.writeUInt32LE(0xfd2fb528, 0);
  // A single segment, with its length in four bytes.
  head.writeUInt8(0b1010_0000, 4);
  head.writeUInt32LE(bytes.length, 5);
  const MOST = 100_000;
  const blocks = [];
  for (let start = 0; start < bytes.length; start += MOST) {
    const block = bytes.subarray(start, start + MOST);
    const isLast = start + MOST >= bytes.length;
    const size = Buffer.alloc(3);
    size.writeUIntLE((block.length << 3) | Number(isLast), 0, 3);
    blocks.push(size, block);
  }
  return Buffer.concat([head, ...blocks]);
}

function byteByByte(response, bytes, headers = { 'content-type': 'text/html; charset=utf-8' }) {
  response.writeHead(200, headers);
  response.socket.setNoDelay(true);
  let next = 0;
  const send = () => {
    if (next === bytes.length) {
      response.end();
    } else {
      response.write(bytes.subarray(next, (next += 1)));
      setImmediate(send);
    }
  };
  send();
}

/** Sends half a page, then waits until the test lets it go on. */
function slowly(response, write, headers = {}, end = () => response.end()) {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...headers });
  write('<!DOCTYPE html><html lang="en"><head><title>Slow</title></head><body><h1>First part</h1><p>More to come.</p>');
  release = () => {
    write('<h2>Second part</h2></body></html>');
    end();
  };
}
