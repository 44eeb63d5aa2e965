// Somebody with an empty cookie jar, and what can be seen over their shoulder.

const DECISION = 'pinfold-consent';

/** Gone when the test `t` ends. Has no script unless it is asked for: no page here may need any. */
export async function newVisitor(t, browser, site, options = {}) {
  const context = await browser.newContext({ baseURL: site, javaScriptEnabled: false, locale: 'en-GB', ...options });
  t.after(() => context.close());
  context.setDefaultTimeout(10_000);
  return new Visitor(context, await context.newPage());
}

class Visitor {
  /** The address of every request that left the browser, or tried to. */
  requests = [];

  constructor(context, page) {
    this.context = context;
    this.page = page;
    context.on('request', (request) => this.requests.push(request.url()));
  }

  /** Opens a page; tells the status of the answer. */
  async open(path) {
    const response = await this.page.goto(path);
    return response.status();
  }

  async press(name) {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  /** The names of the cookies in the jar. */
  async jar() {
    const cookies = await this.context.cookies();
    return cookies.map((cookie) => cookie.name).sort();
  }

  async decision() {
    const cookies = await this.context.cookies();
    return cookies.find((cookie) => cookie.name === DECISION);
  }

  /** What is put in at the top of a page: the questions, or what became of them. */
  banner() {
    return this.page.locator('.pinfold-banner');
  }

  /** Waits until the site is told of a choice made in the banner, and until the banner says so. */
  async answer(button) {
    await this.press(button);
    await this.banner().getByRole('button', { name: /Hide this message|Cuddio/ }).waitFor();
  }

  /** Presses a button of the cookies page, and waits for the page that says it is saved. */
  async choose(button) {
    await this.press(button);
    await this.page.waitForURL(/\/cookies\?.*pinfold-choice=/);
  }

  /** The cookies that the site says it was sent with this page. */
  async received() {
    const rows = await this.page.locator('section.behind tbody tr').all();
    const cells = await Promise.all(rows.map((row) => row.locator('th, td').allInnerTexts()));
    return cells.filter(([, answer]) => answer === 'yes').map(([name]) => name);
  }

  /** What Pinfold tells the site that this visitor allows. */
  allowed() {
    return this.page.locator('section.behind strong').innerText();
  }

  /** The headings in the order of the document, as "h1 Title". */
  headings() {
    return this.page
      .locator('h1, h2, h3, h4, h5, h6')
      .evaluateAll((headings) => headings.map((heading) => `${heading.localName} ${heading.innerText}`));
  }

  /** What the cookies page says of the choice so far, by line. */
  async choiceShown() {
    const lines = await this.page.locator('.state').locator('p, li').allInnerTexts();
    return lines.map((line) => line.trim());
  }

  /** The answer that is ticked, by question: about cookies, or `of` what visitors may prefer. */
  async ticked(of = 'cookies') {
    const radios = this.page.locator(`input[type=radio][name^="${of}["]:checked`);
    const pairs = await radios.evaluateAll((inputs) => inputs.map((input) => [input.name, input.value]));
    return Object.fromEntries(pairs);
  }

  /** What Tab reaches next: its name as it is read out, and how far down the page it is. */
  async tab() {
    await this.page.keyboard.press('Tab');
    return this.focused();
  }

  focused() {
    return this.page.evaluate(() => {
      const element = document.activeElement;
      const group = element.closest('fieldset')?.querySelector('legend')?.innerText;
      const label = element.labels?.[0]?.innerText ?? element.innerText;
      return { name: group ? `${group} ${label}` : label, top: element.getBoundingClientRect().top + scrollY };
    });
  }
}
