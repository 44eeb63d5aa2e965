// Reads a request on each line, its Cookie fields in hex; writes the names that the package's parser finds, in hex.
import { createInterface } from 'node:readline';
import { parse } from 'cookie';
import { Cookie } from 'tough-cookie';

// It parses one cookie, and the loose kind takes blanks for one without name and value.
const tough = (loose) => (header) =>
  header
    .split(';')
    .filter((pair) => pair.trim() !== '')
    .flatMap((pair) => Cookie.parse(pair, { loose })?.key ?? []);

const readers = {
  cookie: (header) => Object.keys(parse(header)),
  'tough-cookie': tough(false),
  'tough-cookie, loose': tough(true),
};

const read = readers[process.argv[2]];
for await (const line of createInterface({ input: process.stdin })) {
  const fields = line.split(',').slice(0, -1).map((field) => Buffer.from(field, 'hex').toString('latin1'));
  const names = read(fields.join('; '));
  process.stdout.write(names.map((name) => `${Buffer.from(name).toString('hex')},`).join('') + '\n');
}
