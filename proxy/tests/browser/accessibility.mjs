// Looks at one page in every theme and at both widths: what axe-core finds, and whether the layout holds.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

const THEMES = {
  light: { colorScheme: 'light', forcedColors: 'none' },
  dark: { colorScheme: 'dark', forcedColors: 'none' },
  forced: { colorScheme: 'dark', forcedColors: 'active' },
};
// 320 px is what a 1280 px window has left at 400 % (WCAG 1.4.10).
const WIDTHS = [1280, 320];

/** For a context in which axe-core can run: it is a script, and the pages allow none. */
export const WITH_AXE = { javaScriptEnabled: true, bypassCSP: true };

/** Fails in two tests of `t`, one for accessibility and one for layout, with everything that is wrong with a page. */
export async function assertSound(t, page, name, address, prepare) {
  const { accessibility, layout } = await inspect(page, name, address, prepare);
  await t.test('axe-core finds nothing', () => assert.equal(accessibility.join('\n'), ''));
  await t.test('the layout holds', () => assert.equal(layout.join('\n'), ''));
}

/**
 * Opens the page in every way, and lists what is wrong with it. Takes a picture of each to the folder SCREENSHOTS.
 *
 * `prepare` does something in the opened page before it is looked at.
 */
async function inspect(page, name, address, prepare = async () => {}) {
  await page.context().addInitScript({ path: AXE });
  const faults = { accessibility: [], layout: [] };
  for (const [theme, media] of Object.entries(THEMES)) {
    await page.emulateMedia(media);
    for (const width of WIDTHS) {
      const view = `${name}-${theme}-${width}`;
      const note = (fault) => `${view}: ${fault}`;
      await page.setViewportSize({ width, height: 900 });
      await page.goto(address);
      await prepare();
      await takePicture(page, view);
      faults.layout.push(...(await page.evaluate(findLayoutFaults)).map(note));
      await page.evaluate(showAxeTheColours);
      faults.accessibility.push(...(await runAxe(page)).map(note));
    }
  }
  return faults;
}

async function takePicture(page, view) {
  const folder = process.env.SCREENSHOTS;
  if (folder) {
    await mkdir(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${view}.png`), fullPage: true });
  }
}

// Runs in the page.
function findLayoutFaults() {
  const faults = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) {
    faults.push(`it has to be scrolled sideways by ${scrollWidth - clientWidth} px`);
  }
  const broken = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    // A line may end after a hyphen or a slash.
    for (const { 0: word, index } of text.data.matchAll(/[^\s/-]+/g)) {
      const range = new Range();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      const lines = new Set([...range.getClientRects()].map((box) => box.top));
      if (lines.size > 1) {
        broken.add(word);
      }
    }
  }
  if (broken.size > 0) {
    faults.push(`words are broken in two: ${[...broken].join(' ')}`);
  }
  const askew = new Set();
  for (const cell of document.querySelectorAll('td')) {
    const head = cell.closest('table').tHead?.rows[0].cells[cell.cellIndex];
    // A narrow page may put its heads out of sight, and name each cell instead.
    const isShown = head?.getBoundingClientRect().right > 0;
    if (isShown && getComputedStyle(head).textAlign !== getComputedStyle(cell).textAlign) {
      askew.add(head.innerText);
    }
  }
  if (askew.size > 0) {
    faults.push(`columns are not in line with their heads: ${[...askew].join(', ')}`);
  }
  return faults;
}

// Runs in the page. axe-core takes an unpainted canvas for white (its issue 4608), and reads the text colour from a
// property that forced colours leave alone (its issue 3978): it is told what is on the screen.
function showAxeTheColours() {
  const isClear = (element) => /^rgba\(.*, 0\)$/.test(getComputedStyle(element).backgroundColor);
  if (isClear(document.documentElement) && isClear(document.body)) {
    document.documentElement.style.backgroundColor = 'Canvas';
  }
  for (const element of document.body.querySelectorAll('*')) {
    element.style.webkitTextFillColor = getComputedStyle(element).color;
  }
}

async function runAxe(page) {
  const run = (tags) => window.axe.run({ runOnly: { type: 'tag', values: tags } });
  const { violations, incomplete } = await page.evaluate(run, TAGS);
  // What axe-core cannot decide is a fault too, so that nobody has to remember to look.
  return [...violations, ...incomplete].flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id} at ${node.target}: ${node.failureSummary.replaceAll(/\s+/g, ' ')}`),
  );
}
