// Tags of others in the pages of a council: nobody is asked for anything before somebody has agreed to it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchBrowser } from './browser.mjs';
import { startStandIn } from './stand-in.mjs';
import { answer, page, startTown } from './town.mjs';
import { newVisitor } from './visitor.mjs';

const ACCEPT = 'Accept additional cookies';
const REJECT = 'Reject additional cookies';

const EMBEDS = `
[[embed]]
purpose = "marketing"
hosts = ["www.googletagmanager.com", "*.google-analytics.com", "*.facebook.com", "*.facebook.net", "ads.example"]
[[embed]]
purpose = "video"
hosts = ["www.youtube.com", "*.ytimg.com", "player.vimeo.com", "fonts.googleapis.com", "fonts.gstatic.com", "frames.example"]
[[cookie]]
name = "_fbp"
purpose = "marketing"
provider = "Meta"
`;

const HEAD = `
<link rel="preconnect" href="https://fonts.gstatic.com" crossorigin>
<link rel="dns-prefetch" href="//www.google-analytics.com">
<link rel="preload" as="script" href="https://www.googletagmanager.com/gtag/js?id=G-TOWN">
<link rel="prefetch" href="https://www.youtube.com/embed/next">
<link rel="modulepreload" href="https://ads.example/module.js">
<link rel="stylesheet" href="https://fonts.googleapis.com/css2?family=Atkinson">
<link rel="icon" href="https://ads.example/icon.gif">
<script async src="https://www.googletagmanager.com/gtag/js?id=G-TOWN"></script>
<script>
window.dataLayer = window.dataLayer || [];
function gtag(){dataLayer.push(arguments);}
gtag('js', new Date());
gtag('config', 'G-TOWN');
</script>
<script>(function(w,d,s,l,i){w[l]=w[l]||[];w[l].push({'gtm.start':new Date().getTime(),event:'gtm.js'});
var f=d.getElementsByTagName(s)[0],j=d.createElement(s),dl=l!='dataLayer'?'&l='+l:'';j.async=true;
j.src='https://www.googletagmanager.com/gtm.js?id='+i+dl;f.parentNode.insertBefore(j,f);
})(window,document,'script','dataLayer','GTM-TOWN');</script>
<script type="text/plain" data-consent="marketing">document.cookie = '_fbp=fb.1; path=/';</script>
<script data-consent="marketing">document.cookie = '_ga_INLINE=1; path=/';</script>`;

const MAIN = `
<noscript><iframe src="https://www.googletagmanager.com/ns.html?id=GTM-TOWN" height="0" width="0"
style="display:none;visibility:hidden" title="GTM"></iframe></noscript>
<noscript><img height="1" width="1" style="display:none" alt="" src="https://www.facebook.com/tr?id=1&amp;ev=PageView&amp;noscript=1"></noscript>
<img alt="" width="1" height="1" src="https://ads.example/pixel.gif">
<iframe width="560" height="315" src="https://www.youtube.com/embed/abc" title="Recycling" allowfullscreen></iframe>
<iframe src="https://player.vimeo.com/video/1" width="640" height="360" title="Our year"></iframe>
<picture><source srcset="https://ads.example/wide.gif 2x"><img src="/local.gif" alt="Here" width="9" height="9"></picture>
<video controls width="90" poster="https://ads.example/poster.gif" src="https://ads.example/film.mp4"></video>
<object data="https://ads.example/object.gif" type="image/gif" width="9" height="9"></object>
<embed src="https://ads.example/embed.gif" type="image/gif" width="9" height="9">
<input type="image" src="https://ads.example/button.gif" alt="Go">
<p style="background:url(https://ads.example/background.gif)">Words</p>
<svg width="9" height="9"><image href="https://ads.example/svg.gif" width="9" height="9"></image></svg>
<iframe srcdoc="&lt;img src=&quot;https://ads.example/inner.gif&quot;&gt;" title="Inner" width="90" height="90"></iframe>
<script>
addEventListener('load', () => {
  new Image().src = 'https://www.facebook.com/tr/runtime.gif';
  fetch('https://region1.google-analytics.com/g/collect', { method: 'POST', body: 'x' }).catch(() => {});
  fetch('https://region1.google-analytics.com/keepalive', { keepalive: true, mode: 'no-cors' }).catch(() => {});
  navigator.sendBeacon('https://region1.google-analytics.com/beacon', 'x');
  const request = new XMLHttpRequest();
  request.open('GET', 'https://ads.example/xhr.gif');
  request.onerror = () => {};
  request.send();
  for (const [name, attribute, address] of [
    ['script', 'src', 'https://connect.facebook.net/en_GB/fbevents.js'],
    ['iframe', 'src', 'https://frames.example/embed/runtime'],
    ['link', 'href', 'https://fonts.googleapis.com/css2?family=Runtime'],
  ]) {
    const element = Object.assign(document.createElement(name), { [attribute]: address });
    if (name === 'link') element.rel = 'stylesheet';
    if (name === 'iframe') element.title = 'At run time';
    document.body.append(element);
  }
  try { new WebSocket('wss://ads.example/socket'); } catch {}
  try { new EventSource('https://ads.example/events'); } catch {}
  import('https://ads.example/dynamic.js').catch(() => {});
  setTimeout(() => document.body.dataset.done = 'yes', 300);
});
</script>`;

/** Reached after everything is agreed to, with script and without. */
const WITH_SCRIPT = [
  'ads.example/pixel.gif',
  'ads.example/xhr.gif',
  'connect.facebook.net/en_GB/fbevents.js',
  'fonts.googleapis.com/css2',
  'frames.example/embed/runtime',
  'player.vimeo.com/video/1',
  'region1.google-analytics.com/beacon',
  'region1.google-analytics.com/g/collect',
  'www.facebook.com/tr/runtime.gif',
  'www.googletagmanager.com/gtag/js',
  'www.googletagmanager.com/gtm.js',
  'www.youtube.com/embed/abc',
];
const WITHOUT_SCRIPT = [
  'ads.example/pixel.gif',
  'fonts.googleapis.com/css2',
  'player.vimeo.com/video/1',
  'www.facebook.com/tr',
  'www.googletagmanager.com/ns.html',
  'www.youtube.com/embed/abc',
];

// Every host that the pages name. Chromium asks others on its own account, and it connects to the host of a frame made by a
// script before it asks the Content-Security-Policy, which then lets nothing be sent: `frames.example` is for that.
const HOSTS = new Set([...`${HEAD}${MAIN}`.matchAll(/(?<=\/\/)[a-z0-9.-]+/g)].map(([host]) => host));
HOSTS.delete('frames.example');

const HELD_COOKIES = ['IDE', '_fbp', '_ga', '_ga_INLINE', '_ga_TOWN'];

let standIn;
let browser;
let town;

before(async () => {
  standIn = await startStandIn();
  town = await startTown({
    more: EMBEDS,
    pages: {
      '/tags': answer(page({ title: 'Tags', head: HEAD, main: MAIN })),
      '/one': answer(page({ title: 'One', main: '<iframe src="https://www.youtube.com/embed/abc" title="x"></iframe>' })),
      '/stranger': answer(page({ title: 'Stranger', main: '<img src="https://stranger.example/x.gif" alt="">' })),
    },
  });
  browser = await launchBrowser({ hosts: standIn.rules });
});

after(async () => {
  await browser?.close();
  await town?.stop();
  standIn?.close();
});

async function visit(t, way) {
  standIn.forget();
  return newVisitor(t, browser, town.site, { ...way, ignoreHTTPSErrors: true });
}

/** Opens a page and gives everything on it the time to ask. */
async function look(visitor, path, { javaScriptEnabled }) {
  standIn.forget();
  await visitor.page.goto(path);
  if (javaScriptEnabled && path === '/tags') {
    await visitor.page.locator('body[data-done]').waitFor();
  }
  await visitor.page.waitForTimeout(700);
}

async function assertNobodyAsked(visitor, when) {
  assert.deepEqual(standIn.asked, [], when);
  assert.deepEqual(standIn.greeted.filter((host) => HOSTS.has(host)), [], `${when}: somebody is connected to`);
  const held = (await visitor.jar()).filter((name) => HELD_COOKIES.includes(name));
  assert.deepEqual(held, [], when);
}

const missing = (wanted) => wanted.filter((address) => !standIn.asked.includes(address));

for (const javaScriptEnabled of [false, true]) {
  const way = { javaScriptEnabled };
  const name = javaScriptEnabled ? 'with script' : 'without script';

  test(`law_03 before a choice nobody else is asked, live after accepting, held after withdrawing, ${name}`, async (t) => {
    const visitor = await visit(t, way);
    await look(visitor, '/tags', way);
    await assertNobodyAsked(visitor, 'undecided');
    assert.equal(await visitor.page.locator('.pinfold-held:has(form)').count(), 2, 'a place for each video');
    const hints = 'link[rel=preconnect], link[rel=dns-prefetch], link[rel=preload], link[rel=prefetch]';
    const open = await visitor.page.locator(hints).evaluateAll((links) => links.filter((one) => one.href).length);
    assert.equal(open, 0, 'no hint names another host');

    await visitor.answer(ACCEPT);
    await look(visitor, '/tags', way);
    assert.deepEqual(missing(javaScriptEnabled ? WITH_SCRIPT : WITHOUT_SCRIPT), []);
    assert.equal(await visitor.page.locator('.pinfold-held').count(), 0);
    // Whether it keeps the cookie of a third party, `IDE`, is the browser's own affair.
    const live = (await visitor.jar()).filter((name) => HELD_COOKIES.includes(name) && name !== 'IDE');
    assert.deepEqual(live, javaScriptEnabled ? ['_fbp', '_ga', '_ga_INLINE', '_ga_TOWN'] : ['_ga', '_ga_TOWN']);

    await visitor.open('/cookies');
    await visitor.choose(REJECT);
    await visitor.context.clearCookies({ name: 'IDE' });
    standIn.forget();
    await look(visitor, '/tags', way);
    await assertNobodyAsked(visitor, 'withdrawn');
  });

  test(`law_03 rejecting and a Global Privacy Control signal: nobody else is asked, ${name}`, async (t) => {
    const rejecting = await visit(t, way);
    await rejecting.open('/bins');
    await rejecting.answer(REJECT);
    await look(rejecting, '/tags', way);
    await assertNobodyAsked(rejecting, 'rejected');

    const signalling = await visit(t, { ...way, extraHTTPHeaders: { 'Sec-GPC': '1' } });
    await look(signalling, '/tags', way);
    await assertNobodyAsked(signalling, 'signal');
  });

  test(`a video can be allowed where it stands, and nothing else is, ${name}`, async (t) => {
    const visitor = await visit(t, way);
    await look(visitor, '/one', way);
    await assertNobodyAsked(visitor, 'undecided');
    await visitor.press('Allow and show');
    await visitor.page.waitForURL('/one?pinfold-choice=saved');
    await visitor.page.waitForTimeout(500);
    assert.deepEqual(standIn.asked, ['www.youtube.com/embed/abc']);
    const { value } = await visitor.decision();
    assert.match(value, /\.4\.4$/, 'video is bit 4, and nothing else is answered');
    await visitor.open('/bins');
    assert.equal(await visitor.banner().count(), 1, 'what is not answered is still asked');
  });

  test(`a host that nobody has declared is not asked, ${name}`, async (t) => {
    const visitor = await visit(t, way);
    await look(visitor, '/stranger', way);
    await assertNobodyAsked(visitor, 'undecided');
    await visitor.answer(ACCEPT);
    await look(visitor, '/stranger', way);
    assert.deepEqual(standIn.asked, []);
  });
}
