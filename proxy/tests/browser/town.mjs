// The council of these tests: how it has set up Pinfold, and what its pages look like.

import { startOrigin } from './origin.mjs';
import { startPinfold } from './pinfold.mjs';

export const NAME = 'Marlbury Borough Council';
export const STATISTICS = 'Cookies that count visits';
export const MARKETING = 'Cookies that measure campaigns';
export const VIDEO = 'Videos and maps of others';

/** `site` and `consent` are lines for those sections, `more` whole sections; `marketing` is the title of that purpose. */
export function configuration(settings = {}) {
  const { url = 'http://localhost', site = '', consent = '', more = '', marketing = MARKETING } = settings;
  return `version = 1

[site]
name = "${NAME}"
url = "${url}"
languages = ["en", "cy"]
${site}

[consent]
${consent}

[[purpose]]
id = "statistics"
basis = "statistics"
title = "${STATISTICS}"
description = "They tell us which pages are used, so that we can make them better. Nobody else is given them."
[purpose.cy]
title = "Cwcis sy'n cyfrif ymweliadau"
description = "Maent yn dweud wrthym pa dudalennau a ddefnyddir, er mwyn i ni eu gwella."

[[purpose]]
id = "marketing"
basis = "consent"
title = "${marketing}"
description = "They tell Google and us which of our campaigns brought you here."
[purpose.cy]
title = "Cwcis sy'n mesur ymgyrchoedd"
description = "Maent yn dweud wrth Google a ninnau pa un o'n hymgyrchoedd a ddaeth â chi yma."

[[purpose]]
id = "video"
basis = "consent"
title = "${VIDEO}"
description = "They are shown by YouTube, Vimeo and Google, who set cookies of their own."
[purpose.cy]
title = "Fideos a mapiau eraill"
description = "Fe'u dangosir gan YouTube, Vimeo a Google, sy'n gosod eu cwcis eu hunain."

[[cookie]]
name = "session"
purpose = "strictly-necessary"
description = "Keeps what you have typed into a form until you send it."
lifetime = "Until you close the browser"

[[cookie]]
name = "last_section"
purpose = "statistics"
description = "Says which part of the site you looked at last."
lifetime = "1 day"

[[cookie]]
name = "_ga*"
purpose = "marketing"
provider = "Google"
description = "Tells visitors of campaigns apart."
lifetime = "13 months"

${more}
`;
}

/** A page as the council writes it. `head` and `main` are HTML. */
export function page({ title = 'Bins', lang = 'en', head = '', main = '' } = {}) {
  return `<!DOCTYPE html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - ${NAME}</title>
<link rel="stylesheet" href="/style.css">
${head}
</head>
<body>
<a class="skip" href="#main">Skip to main content</a>
<header><p><a href="/">${NAME}</a></p></header>
<main id="main">
<h1>${title}</h1>
<p>Put your bin out before seven in the morning. We collect on bank holidays too.</p>
${main}
</main>
<footer><p><a href="/cookies">Cookies</a></p></footer>
</body>
</html>`;
}

const STYLE = `:root{color-scheme:light dark}
body{margin:0;font:1.0625rem/1.5 Georgia,serif}
header{background:#3b1f5e;color:#fff}header a{color:#fff}
header,main,footer{padding:.5rem 1rem}
a{color:light-dark(#3b1f5e,#cdb6f0)}
button,input{font:inherit}
iframe,img{max-width:100%}
`;

const FORM = `<form method="post" action="/missed"><p><label>Street <input name="street"></label></p>
<p><button>Report a missed bin</button></p></form>
<p><a href="/parking">Parking</a></p>`;

const SET = [
  'session=s1; Path=/; HttpOnly',
  'last_section=bins; Path=/; Max-Age=86400',
  '_ga=GA1.1.1.1; Path=/; Max-Age=34000000',
  '_ga_TOWN=GS1.1; Path=/; Max-Age=34000000',
];

/** Answers with a page, and sets one cookie of every kind. */
export function answer(html, headers = {}) {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'set-cookie': SET, ...headers }).end(html);
  };
}

export const stylesheet = (_, response) => response.writeHead(200, { 'content-type': 'text/css' }).end(STYLE);

/**
 * The council's web server with Pinfold in front of it. `pages` come beside, or in the place of, the usual ones; `upgrade` is given
 * whoever asks for another protocol.
 */
export async function startTown({ pages = {}, upgrade, ...settings } = {}) {
  const usual = {
    '/': answer(page({ title: 'Welcome' })),
    '/bins': answer(page({ title: 'Bins', main: FORM })),
    '/parking': answer(page({ title: 'Parking' })),
    '/biniau': answer(page({ title: 'Biniau', lang: 'cy' })),
    '/missed': answer(page({ title: 'Thank you' })),
    '/style.css': stylesheet,
  };
  const origin = await startOrigin({ ...usual, ...pages }, upgrade);
  const start = startPinfold({ configuration: configuration(settings), origin: origin.address });
  let pinfold = await start.catch((error) => {
    // A server that listens keeps the tests from ending.
    origin.close();
    throw error;
  });
  return {
    origin,
    get site() {
      return pinfold.site;
    },
    async reconfigure(another) {
      pinfold = await pinfold.restart(configuration(another));
    },
    async stop() {
      await pinfold.stop();
      origin.close();
    },
  };
}
