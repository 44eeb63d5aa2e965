// After a visitor withdraws, refused cookies are gone from the browser itself, wherever the site has put them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchBrowser } from './browser.mjs';
import { startTlsEnd } from './stand-in.mjs';
import { page, startTown } from './town.mjs';
import { newVisitor } from './visitor.mjs';

const REJECT = 'Reject additional cookies';
const DOMAIN = 'council.example';
const HOSTS = ['council.example', 'www.council.example', 'forms.my.council.example', 'a.b.c.d.council.example'];

const COOKIES = `
[audit]
footprint = false
[[cookie]]
name = "promo*"
purpose = "marketing"
paths = ["/offers", "/news/archive"]
${Array.from({ length: 12 }, (_, number) => `[[cookie]]
name = "offer_${number}"
purpose = "marketing"
paths = ["/offers"]
`).join('')}
[[cookie]]
name = "chips"
purpose = "marketing"
partitioned = true
[[cookie]]
name = "__Secure-ad"
purpose = "marketing"
[[cookie]]
name = "__Host-ad"
purpose = "marketing"
`;

const PARTITIONED = ['', `; Domain=${DOMAIN}`].map((domain) => `chips=1; Path=/; Secure; Partitioned${domain}`);

let town;
let tlsEnd;
let browser;

before(async () => {
  town = await startTown({
    url: 'https://www.council.example',
    site: `hosts = ${JSON.stringify(HOSTS)}\ncookie_domain = "${DOMAIN}"`,
    more: COOKIES,
    pages: {
      '/partitioned': (_, response) => response.writeHead(200, { 'set-cookie': PARTITIONED }).end(),
      '*': (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page()),
    },
  });
  tlsEnd = await startTlsEnd(town.site, DOMAIN);
  browser = await launchBrowser({ hosts: tlsEnd.rules });
});

after(async () => {
  await browser?.close();
  tlsEnd?.close();
  await town?.stop();
});

/** A visitor who has accepted, and then was given these cookies. */
async function holding(t, host, cookies, way) {
  const visitor = await newVisitor(t, browser, `https://${host}`, { ...way, ignoreHTTPSErrors: true });
  await visitor.open('/cookies');
  await visitor.choose('Accept additional cookies');
  const lasting = { expires: Date.now() / 1000 + 86_400 };
  await visitor.context.addCookies(cookies.map((cookie) => ({ value: '1', path: '/', secure: true, ...lasting, ...cookie })));
  return visitor;
}

/** The host, and its parents up to the domain of the council. */
function upwards(host) {
  const names = [host];
  while (names.at(-1) !== DOMAIN) {
    names.push(names.at(-1).slice(names.at(-1).indexOf('.') + 1));
  }
  return names;
}

const left = async (visitor) => {
  const cookies = await visitor.context.cookies();
  return cookies.filter((cookie) => !/pinfold-consent|session/.test(cookie.name)).map(describe).sort();
};
const describe = ({ name, domain, path }) => `${name} ${domain} ${path}`;

for (const host of HOSTS) {
  for (const javaScriptEnabled of [false, true]) {
    const name = `${host}, ${javaScriptEnabled ? 'with' : 'without'} script`;

    test(`cookie_10 twelve refused cookies, host-only and of every parent, are gone in two pages: ${name}`, async (t) => {
      const places = [host, ...upwards(host).map((parent) => `.${parent}`)];
      const cookies = Array.from({ length: 12 }, (_, number) => ({
        name: `_ga_N${number}`,
        domain: places[number % places.length],
      }));
      const visitor = await holding(t, host, cookies, { javaScriptEnabled });
      assert.equal((await left(visitor)).length, 12);
      await visitor.open('/cookies');
      await visitor.choose(REJECT);
      await visitor.open('/bins');
      assert.deepEqual(await left(visitor), []);
    });
  }

  test(`cookie_10 one name in every place at once: ${host}`, async (t) => {
    const cookies = [host, ...upwards(host).map((parent) => `.${parent}`)].map((domain) => ({ name: '_ga', domain }));
    const visitor = await holding(t, host, cookies);
    await visitor.open('/cookies');
    await visitor.choose(REJECT);
    await visitor.open('/bins');
    assert.deepEqual(await left(visitor), []);
  });

  test(`cookie_10 declared paths, though the cookies page does not see them: ${host}`, async (t) => {
    const cookies = ['/offers', '/news/archive'].flatMap((path) =>
      [host, ...upwards(host).map((parent) => `.${parent}`)].map((domain) => ({ name: 'promo', domain, path })),
    );
    const visitor = await holding(t, host, cookies.map((cookie, number) => ({ ...cookie, name: `promo${number % 3 || ''}` })));
    await visitor.open('/cookies');
    await visitor.choose(REJECT);
    await visitor.open('/offers/summer');
    await visitor.open('/news/archive/2025');
    assert.deepEqual(await left(visitor), [], 'once a page under each path was opened');
  });

  test(`cookie_10 twelve cookies on a declared path that no page shows: ${host}`, async (t) => {
    const places = [host, ...upwards(host).map((parent) => `.${parent}`)];
    const cookies = Array.from({ length: 12 }, (_, number) => ({
      name: `offer_${number}`,
      domain: places[number % places.length],
      path: '/offers',
    }));
    const visitor = await holding(t, host, cookies);
    await visitor.open('/cookies');
    await visitor.choose(REJECT);
    await visitor.open('/bins');
    assert.deepEqual(await left(visitor), []);
  });

  test(`cookie_11 prefixed and partitioned cookies: ${host}`, async (t) => {
    const visitor = await holding(t, host, [
      { name: '__Secure-ad', domain: host },
      { name: '__Secure-ad', domain: `.${DOMAIN}` },
      { name: '__Host-ad', domain: host },
      { name: 'chips', domain: host },
    ]);
    await visitor.open('/partitioned');
    const before = await visitor.context.cookies();
    assert.equal(before.filter((cookie) => cookie.partitionKey).length, 2);
    assert.equal((await left(visitor)).length, 6);
    await visitor.open('/cookies');
    await visitor.choose(REJECT);
    await visitor.open('/bins');
    assert.deepEqual(await left(visitor), []);
  });
}

test('cookie_10 a cookie of a path that nobody declared goes on the first page that is sent it', async (t) => {
  const [, host] = HOSTS;
  const visitor = await holding(t, host, [
    { name: '_ga', domain: host, path: '/planning' },
    { name: '_ga', domain: `.${DOMAIN}`, path: '/planning/2025' },
  ]);
  await visitor.open('/cookies');
  await visitor.choose(REJECT);
  await visitor.open('/bins');
  assert.equal((await left(visitor)).length, 2);
  await visitor.open('/planning/2025/application');
  assert.deepEqual(await left(visitor), []);
});

test('cookie_10 what is not refused, and what is not the site\'s own, stays', async (t) => {
  const [, host] = HOSTS;
  const visitor = await holding(t, host, [
    { name: 'last_section', domain: host },
    { name: 'somebody', domain: host },
    { name: '_ga', domain: host },
    { name: '_ga', domain: 'other.example' },
  ]);
  await visitor.open('/cookies');
  await visitor.page.getByRole('group', { name: 'Cookies that measure campaigns' }).getByLabel('No', { exact: true }).check();
  await visitor.choose('Save my choice');
  await visitor.open('/bins');
  assert.deepEqual(await left(visitor), ['_ga other.example /', `last_section ${host} /`, `somebody ${host} /`]);
});
