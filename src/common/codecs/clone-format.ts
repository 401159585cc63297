/** The check of a serialized value in V8's structured clone format, before V8 reads it. Runs in a worker. */
import { DecodeBudget, type DecodeLimits, DecodeRefusal } from '../filters/decode-budget.ts';
import { CloneInput } from './clone-input.ts';

type Read = (input: CloneInput) => unknown;

/** Where a string is that was passed. */
interface Text {
  readonly from: number;
  readonly bytes: number;
  /** Bytes of a character. */
  readonly width: 1 | 2;
}

const code = (tag: string): number => tag.charCodeAt(0);

const HEADER = 0xff;
const OLDEST = 13;
const NEWEST = 15;

// A value may take so much for each of its bytes, and this besides. Most take less than 30 for a byte, empty Maps 80; for
// holes and for names that are indexes there is no such bound, and what a read is full of must not make gigabytes.
const MOST_OF_BYTE = 256;
const SLACK = 16 * 1024;

// What V8 takes at most, measured on Node 20 to 26.
const OF_VALUE = 16;
const OF_DOUBLE = 24;
const OF_TEXT = 48;
const OF_OBJECT = 96;
const OF_SPARSE = 192;
const OF_NAME = 200;
const OF_PLACE = 12;
const OF_INDEX = 144;
const OF_ENTRY = 96;
const OF_COLLECTION = 240;
const OF_BOX = 88;
const OF_REGEXP = 240;
const OF_ERROR = 112;
const OF_BUFFER = 192;

// A name that is an index grows the elements of its object by half as much again; past such a gap they become a table.
const TABLE_GAP = 2048;
const LONGEST_INDEX = 10;
const INDEX = /^(?:0|[1-9]\d*)$/;
const ZERO = code('0');
const NINE = code('9');
const MOST_INDEX = 2 ** 32 - 2;

const LONGEST_PATTERN = 256;
const UNICODE_PROPERTY = /\\p/i;
// All but `v`: d, s, u, y, m, i and g.
const PLAIN_FLAGS = 0b1011_1111;

// By Node's number for each: the size of an element. A Buffer is the one at 10.
const VIEWS = [1, 1, 1, 2, 2, 4, 4, 4, 8, 1, 1, 8, 8, 2];

const [INT, DOUBLE, ONE_BYTE, TWO_BYTE, HOLE] = ['I', 'N', '"', 'c', '-'].map(code) as [
  number,
  number,
  number,
  number,
  number,
];
const ERROR_END = code('.');

/**
 * Looks through a value that `v8.serialize()` has made, before `v8.deserialize()` sees it, which believes the lengths in
 * it: an array of a few bytes takes as much memory as it claims to, and where there is none, Node aborts the process.
 *
 * Passes what V8 writes in versions 13 to 15 of its format, on Node 20 to 26, and throws a `DecodeRefusal` for all else:
 * an unknown tag, a length beyond the end, a count that is wrong, bytes behind the value, more than `limits`, and more
 * than 256 bytes of memory for each byte + 16 KiB. Tells whether there is a view of memory in the value.
 *
 * The format is that of `ValueSerializer` and `ValueDeserializer` in V8's `src/objects/value-serializer.cc`; what it
 * leaves to its host, the views, is in Node's `lib/v8.js`.
 */
export function checkClone(bytes: Buffer, limits: DecodeLimits): { readonly hasViews: boolean } {
  const input = new CloneInput(bytes, new DecodeBudget(limits, SLACK + MOST_OF_BYTE * bytes.length));
  if (input.byte() !== HEADER) throw new DecodeRefusal('it has no header');
  const version = input.byte();
  if (version < OLDEST || version > NEWEST) throw new DecodeRefusal(`its format has the version ${version}`);
  value(input);
  if (!input.isAtEnd) throw new DecodeRefusal('there is something behind its end');
  return input;
}

function value(input: CloneInput): void {
  const tag = input.tag();
  const read = READ[tag];
  if (read === undefined) throw new DecodeRefusal(`it has an unknown tag, ${tag}`);
  read(input);
}

const CONSTANT: Read = (input) => {
  input.spend(OF_VALUE);
};

const READ = byTag({
  _: CONSTANT,
  0: CONSTANT,
  T: CONSTANT,
  F: CONSTANT,
  I: (input) => {
    input.number();
    input.spend(OF_VALUE);
  },
  N: double,
  Z: bigint,
  '"': oneByte,
  c: twoByte,
  '^': (input) => {
    input.reference();
    input.spend(OF_VALUE);
  },
  o: (input) => {
    input.enter(OF_OBJECT);
    input.expect(properties(input, code('{'), -1));
    input.leave();
  },
  a: sparseArray,
  A: denseArray,
  D: box(double),
  y: box(),
  x: box(),
  n: box(double),
  z: box(bigint),
  s: box(string),
  R: regexp,
  ';': collection(code(':')),
  "'": collection(code(',')),
  B: (input) => {
    buffer(input, input.number());
  },
  '~': resizableBuffer,
  r: error,
  '\\': view,
});

function byTag(readers: Readonly<Record<string, Read>>): readonly (Read | undefined)[] {
  const table: (Read | undefined)[] = Array.from({ length: 256 });
  for (const [tag, read] of Object.entries(readers)) table[code(tag)] = read;
  return table;
}

function double(input: CloneInput): number {
  input.spend(OF_DOUBLE);
  return input.bytes.readDoubleLE(input.skip(8));
}

// One bit is the sign.
function bigint(input: CloneInput): void {
  const length = Math.floor(input.number() / 2);
  input.skip(length);
  input.spend(OF_TEXT + length);
}

function oneByte(input: CloneInput): Text {
  return text(input, 1);
}

function twoByte(input: CloneInput): Text {
  return text(input, 2);
}

function text(input: CloneInput, width: 1 | 2): Text {
  const bytes = input.number();
  if (bytes % width !== 0) throw new DecodeRefusal('it has half a character');
  const from = input.skip(bytes);
  input.spend(OF_TEXT + bytes);
  return { from, bytes, width };
}

// What it says, if it is no longer than `most` characters.
function short({ bytes }: CloneInput, text: Text, most: number): string | undefined {
  if (text.bytes > most * text.width) return undefined;
  return bytes.toString(text.width === 1 ? 'latin1' : 'utf16le', text.from, text.from + text.bytes);
}

function string(input: CloneInput): Text {
  if (input.passes(ONE_BYTE)) return oneByte(input);
  if (input.passes(TWO_BYTE)) return twoByte(input);
  throw new DecodeRefusal('it has something else where text should be');
}

// Names and values up to `end`; gives how many. `highest`: the highest index that the object has room for.
function properties(input: CloneInput, end: number, highest: number): number {
  let reached = highest;
  for (let count = 0; ; count += 1) {
    if (input.passes(end)) return count;
    const index = name(input);
    if (index === undefined) input.spend(OF_NAME);
    else {
      const gap = Math.max(0, index - reached);
      input.spend(OF_INDEX + (gap < TABLE_GAP ? OF_PLACE * gap : 0));
      reached = Math.max(reached, index);
    }
    value(input);
  }
}

// The number of a name that is an index.
function name(input: CloneInput): number | undefined {
  if (input.passes(INT)) return asIndex(signed(input.number()));
  if (input.passes(DOUBLE)) return asIndex(double(input));
  const text = string(input);
  const first = input.bytes[text.from] ?? 0;
  if (first < ZERO || first > NINE) return undefined;
  const digits = short(input, text, LONGEST_INDEX);
  return digits !== undefined && INDEX.test(digits) ? asIndex(Number(digits)) : undefined;
}

// The sign is the last bit.
function signed(zigzag: number): number {
  return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
}

function asIndex(number: number): number | undefined {
  return Number.isInteger(number) && number >= 0 && number <= MOST_INDEX ? number : undefined;
}

// V8 takes memory for all of its length, whatever is in it.
function sparseArray(input: CloneInput): void {
  const length = input.number();
  input.enter(OF_SPARSE + OF_PLACE * length);
  input.expect(properties(input, code('@'), length));
  input.expect(length);
  input.leave();
}

function denseArray(input: CloneInput): void {
  const length = input.number();
  input.enter(OF_OBJECT + OF_PLACE * length);
  for (let count = 0; count < length; count += 1) if (!input.passes(HOLE)) value(input);
  input.expect(properties(input, code('$'), length));
  input.expect(length);
  input.leave();
}

function box(content?: Read): Read {
  return (input) => {
    input.begin(OF_BOX);
    content?.(input);
  };
}

// V8 parses it at once, and for some in time and memory that grow by the square of its length.
function regexp(input: CloneInput): void {
  input.begin(OF_REGEXP);
  const pattern = short(input, string(input), LONGEST_PATTERN);
  const isPlain = pattern !== undefined && !UNICODE_PROPERTY.test(pattern);
  if ((input.number() & ~PLAIN_FLAGS) !== 0 || !isPlain)
    throw new DecodeRefusal('it has a RegExp that is not plain');
}

// The count is that of the values: of a Map, its keys too.
function collection(end: number): Read {
  return (input) => {
    input.enter(OF_COLLECTION);
    let count = 0;
    for (; !input.passes(end); count += 1) {
      input.spend(OF_ENTRY);
      value(input);
    }
    input.expect(count);
    input.leave();
  };
}

function buffer(input: CloneInput, length: number): void {
  input.skip(length);
  input.begin(OF_BUFFER + length);
}

function resizableBuffer(input: CloneInput): void {
  const length = input.number();
  const most = input.number();
  if (most < length) throw new DecodeRefusal('it has a length beyond its own limit');
  input.spend(most);
  buffer(input, length);
}

const ERROR_PARTS: Readonly<Record<number, Read>> = {
  ...Object.fromEntries(['E', 'R', 'F', 'S', 'T', 'U'].map((kind) => [code(kind), CONSTANT])),
  [code('m')]: string,
  [code('s')]: string,
  [code('c')]: value,
};

function error(input: CloneInput): void {
  input.enter(OF_ERROR);
  for (let part = input.byte(); part !== ERROR_END; part = input.byte()) {
    const read = ERROR_PARTS[part];
    if (read === undefined) throw new DecodeRefusal(`it has an unknown part of an error, ${part}`);
    read(input);
  }
  input.leave();
}

// The one thing that V8 leaves to Node.
function view(input: CloneInput): void {
  const size = VIEWS[input.number()];
  const length = input.number();
  if (size === undefined || length % size !== 0) throw new DecodeRefusal('it has an unknown view of memory');
  buffer(input, length);
  input.hasViews = true;
}
