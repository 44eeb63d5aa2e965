// Reads requests with the parser of Node (llhttp), each with its length before it, and tells what is in them, a line each:
// the request line, the body in hexadecimal digits, then the fields with their values in hexadecimal digits.
'use strict';

const { readFileSync } = require('node:fs');
const { HTTPParser, methods } = require('_http_common');

const hex = (text) => Buffer.from(text, 'latin1').toString('hex');

function told(bytes) {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  const fields = [];
  const body = [];
  let target = '';
  let line;
  let ended = 0;
  const add = (list) => {
    for (let at = 0; at < list.length; at += 2) fields.push(`${list[at].toLowerCase()}:${hex(list[at + 1])}`);
  };
  parser[HTTPParser.kOnHeaders] = (list, url) => {
    add(list);
    target += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, list, method, url) => {
    add(list ?? []);
    line = `${methods[method] ?? method} ${target}${url ?? ''} HTTP/${major}.${minor}`;
  };
  parser[HTTPParser.kOnBody] = (part) => body.push(Buffer.from(part));
  parser[HTTPParser.kOnMessageComplete] = () => {
    ended += 1;
  };
  const read = parser.execute(bytes);
  if (read instanceof Error) throw read;
  if (read !== bytes.length || ended !== 1) throw new Error(`${read} of ${bytes.length} bytes, ${ended} messages`);
  return [line, Buffer.concat(body).toString('hex'), ...fields].join(' ');
}

const all = readFileSync(process.argv[2]);
const lines = [];
for (let at = 0; at < all.length; ) {
  const length = all.readUInt32BE(at);
  const bytes = all.subarray(at + 4, at + 4 + length);
  at += 4 + length;
  try {
    lines.push(told(bytes));
  } catch (error) {
    // It knows the methods of a list, and refuses targets that are not ASCII.
    if (error.code === 'HPE_INVALID_METHOD' || (error.code === 'HPE_INVALID_URL' && bytes.some((byte) => byte > 127))) {
      lines.push('?');
      continue;
    }
    console.error(`${error.message}: ${JSON.stringify(bytes.toString('latin1'))}`);
    process.exit(1);
  }
}
process.stdout.write(lines.map((line) => `${line}\n`).join(''));
