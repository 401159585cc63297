import { deserialize, serialize } from 'node:v8';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReferenceFilter, structuredCloneCodec } from '../../../src/filters.ts';
import { checkClone } from '../../../src/common/codecs/clone-format.ts';
import { DecodeRefusal } from '../../../src/common/filters/decode-budget.ts';
import { latin1, parse } from './reading.ts';
import { keptBy } from './kept-memory.ts';
import { WHOLE, tries } from '../../effort.ts';

const LIMITS = { maxDecoded: 64 * 1024 * 1024, maxDepth: 1000 };
const decode = (bytes: Buffer, limits: object = {}): unknown =>
  structuredCloneCodec.decode(bytes, { ...LIMITS, ...limits });
const decoded = (value: unknown): unknown => decode(serialize(value));

/** What the decoding of these bytes is refused for; `v8` when that is V8's own doing, `passes` when it is not. */
function refusal(bytes: Buffer, limits: object = {}): string {
  try {
    decode(bytes, limits);
    return 'passes';
  } catch (error) {
    return error instanceof DecodeRefusal ? error.message : 'v8';
  }
}

/** A serialized value: a header of version 15 and these parts. */
function wire(...parts: (string | readonly number[])[]): Buffer {
  return Buffer.concat([latin1('\xff\x0f'), ...parts.map((part) => Buffer.from(part as string, 'latin1'))]);
}

function varint(number: number): readonly number[] {
  return number < 128 ? [number] : [(number % 128) + 128, ...varint(Math.floor(number / 128))];
}

const views = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: false,
  withObjectString: true,
  withSet: true,
  withTypedArray: true,
  stringUnit: 'binary',
  maxDepth: 4,
});

const value = fc.oneof(
  { weight: 4, arbitrary: anything },
  fc.sparseArray(anything, { maxLength: 200, maxNumElements: 5 }),
  fc.dictionary(fc.oneof(fc.string(), fc.integer({ max: 600 }).map(String)), anything),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 300 }).map(({ buffer }) => new DataView(buffer)),
  fc.uint8Array({ maxLength: 300 }).map(({ buffer }) => buffer),
  fc.constantFrom(/a/, /[a-z]+\d*/gimsuy, /é€/d, new RegExp('')),
  fc.tuple(fc.string(), anything).map(([message, cause]) => new RangeError(message, { cause })),
  fc
    .constantFrom(Error, EvalError, ReferenceError, SyntaxError, TypeError, URIError)
    .map((kind) => kind('x')),
  fc.bigInt({ max: 2n ** 600n, min: -(2n ** 600n) }),
  fc.array(fc.constantFrom('', 'a', '€', '\ud800', 'é'.repeat(300))),
);

describe('a value that V8 has written passes', () => {
  it('whatever it is, and is read as V8 reads it', () => {
    fc.assert(
      fc.property(value, (given) => {
        const bytes = serialize(given);
        expect(isDeepStrictEqual(decode(bytes), deserialize(bytes))).toBe(true);
      }),
      { numRuns: tries(2000) },
    );
  });

  it('with references among its parts', () => {
    const shared = { map: new Map<unknown, unknown>(), set: new Set<unknown>(), error: new Error('x') };
    shared.map.set(shared, shared.set).set('again', shared.error);
    shared.set.add(shared.map).add(shared);
    const copy = decoded([shared, shared]) as [typeof shared, typeof shared];
    expect(copy[0]).toBe(copy[1]);
    expect(copy[0].map.get(copy[0])).toBe(copy[0].set);
    expect(copy[0].map.get('again')).toBe(copy[0].error);
  });

  it.each(views)('of %s', (View) => {
    const view = new View(3);
    expect(decoded({ odd: 'x', view })).toEqual({ odd: 'x', view });
  });

  it('of a buffer that may grow, and of the newest kind of view, where there is one', () => {
    const buffer = Reflect.construct(ArrayBuffer, [3, { maxByteLength: 100 }]) as ArrayBuffer;
    expect((decoded(buffer) as { maxByteLength?: number }).maxByteLength).toBe(100);
    const Float16 = Reflect.get(globalThis, 'Float16Array') as (new (size: number) => object) | undefined;
    if (Float16 !== undefined) expect(decoded(new Float16(2))).toEqual(new Float16(2));
  });

  it('of an array with few holes, an array with properties, odd names, and everything empty', () => {
    const array = Object.assign([1, 2], { name: 3, 7: 4 });
    const names = { '-1': 1, '01': 2, 4294967295: 3, 4294967294: 4, 1.5: 5, '': 6, 500: 7 };
    const empty = [[], {}, new Map(), new Set(), '', 0n, Buffer.alloc(0), new ArrayBuffer(0), new Array(100)];
    // eslint-disable-next-line no-sparse-arrays -- holes are what this is about
    for (const each of [[1, , 3], array, names, empty]) expect(decoded(each)).toEqual(each);
  });

  it('as often as it is empty', () => {
    for (const make of [
      () => [],
      () => ({}),
      () => new Map(),
      () => new Set(),
      () => Object(true) as unknown,
    ]) {
      expect(decoded(Array.from({ length: 10_000 }, make))).toHaveLength(10_000);
    }
  });
});

describe('what V8 would believe is refused', () => {
  const huge = varint(0x1ffffff);
  const deep = (open: string, close: string): Buffer => wire(open.repeat(2000), 'I\0', close.repeat(2000));

  it.each<[string, Buffer, string]>([
    ['holes as far as it says', wire('a', huge, '@\0', huge), 'too many for its length'],
    [
      'many such arrays',
      wire('A\x14', ...(Array(20).fill(['a', huge, '@\0', huge]).flat() as string[]), '$\0\x14'),
      'too many for its length',
    ],
    ['an array longer than what follows', wire('A', varint(1000), '_'), 'ends too early'],
    [
      'arrays that all claim the rest',
      wire(
        ...(Array(300)
          .fill(['A', varint(90_000)])
          .flat() as string[]),
      ),
      'too many',
    ],
    ['an index that makes room', wire('A\x64', 'oI\xd0\x0fI\0{\x01'.repeat(100), '$\0\x64'), 'too many'],
    ['the same as text', wire('A\x64', 'o"\x041000I\0{\x01'.repeat(100), '$\0\x64'), 'too many'],
    [
      'and in two bytes',
      wire('A\x64', 'oc\x081\x000\x000\x000\0I\0{\x01'.repeat(100), '$\0\x64'),
      'too many',
    ],
    ['and as a double', wire('A\x64', 'oN\0\0\0\0\0\x40\x8f\x40I\0{\x01'.repeat(100), '$\0\x64'), 'too many'],
    ['a string longer than what follows', wire('"', varint(2 ** 31), 'abc'), 'beyond its end'],
    ['half a character', wire('c\x03abc'), 'half a character'],
    ['a BigInt longer than what follows', wire('Z', varint(2 ** 30), 'abc'), 'beyond its end'],
    ['a buffer longer than what follows', wire('B', varint(2 ** 31), 'abc'), 'beyond its end'],
    ['a buffer that may grow too much', wire('~\0', varint(2 ** 31)), 'too many for its length'],
    ['a buffer beyond its own limit', wire('~\x02\x01ab'), 'its own limit'],
    ['a view longer than what follows', wire('\\\x01', varint(2 ** 31), 'abc'), 'beyond its end'],
    ['a view of an unknown kind', wire('\\\x0e\0'), 'unknown view'],
    ['half an element', wire('\\\x08\x04abcd'), 'unknown view'],
    ['a reference to what is not there', wire('A\x01^\x01$\0\x01'), 'refers to'],
    ['a wrong count of properties', wire('o"\x01aI\0{\x02'), 'count'],
    ['a wrong count of entries', wire(';I\0I\0:\x01'), 'count'],
    ['a wrong length behind an array', wire('A\x01_$\0\x02'), 'count'],
    ['a name that is none', wire('o_I\0{\x01'), 'text should be'],
    ['something behind the end', wire('__'), 'behind its end'],
    ['a view of the buffer before it', wire('B\x02abVB\0\x02\0'), 'behind its end'],
    ['a number of more than 32 bits', wire('I\xff\xff\xff\xff\x1f'), '32 bits'],
    ['a number without an end', wire('I\x80\x80\x80\x80\x80\x80'), '32 bits'],
    ['a RegExp that is long', wire('R"', varint(257), 'a'.repeat(257), '\0'), 'not plain'],
    ['a RegExp of Unicode properties', wire('R"\x05\\p{L}\x10'), 'not plain'],
    ['a RegExp of sets', wire('R"\x01a', varint(256)), 'not plain'],
    ['an unknown part of an error', wire('rx.'), 'part of an error'],
    ['arrays in arrays', deep('A\x01', '$\0\x01'), '`maxDepth`'],
    ['objects in objects', deep('o"\x01a', '{\x01'), '`maxDepth`'],
    ['sets in sets', deep("'", ',\x01'), '`maxDepth`'],
    ['errors in errors', deep('rc', '.'), '`maxDepth`'],
    ['no header', latin1('I\0'), 'no header'],
    ['an old version', latin1('\xff\x0cI\0'), 'version 12'],
    ['a version to come', latin1('\xff\x10I\0'), 'version 16'],
    ['nothing', latin1(''), 'ends too early'],
  ])('%s', (_, bytes, why) => {
    expect(refusal(bytes)).toContain(why);
  });

  it('by each tag that V8 does not write', () => {
    const written = '_0TFIUNZ"c^oaADyxnzsR;\'B~r\\';
    const tags = Array.from({ length: 255 }, (_, at) => String.fromCharCode(at + 1));
    const others = tags.filter((tag) => tag === 'U' || !written.includes(tag));
    for (const tag of others) expect(refusal(wire(tag, '\0'.repeat(20)))).toContain('unknown tag');
  });

  it('by more memory than is allowed, and the message says so', () => {
    const bytes = serialize(Array.from({ length: 1000 }, (_, at) => ({ at })));
    expect(refusal(bytes, { maxDecoded: 1_000_000 })).toBe('passes');
    expect(refusal(bytes, { maxDecoded: 50_000 })).toBe(
      'decoded it would take more than 50000 bytes (limit `maxDecoded`)',
    );
    const filter = new ReferenceFilter({ codec: structuredCloneCodec, errorsAsText: true });
    const block = wire('a', huge, '@\0', huge);
    expect(parse(filter, [latin1(`${block.length}\0`), block])).toEqual([
      'A reference of 13 bytes is refused: decoded it would take more than 19712 bytes, too many for its length',
    ]);
  });
});

describe.runIf(WHOLE)('the estimate is no less than what V8 takes', () => {
  function check(value: unknown): void {
    const bytes = serialize(value);
    const isLess = (kept: number): boolean => {
      try {
        checkClone(bytes, { ...LIMITS, maxDecoded: kept });
        return false;
      } catch {
        return true;
      }
    };
    expect(isLess(keptBy(() => deserialize(bytes), isLess))).toBe(true);
  }

  it.each<[string, (at: number) => unknown]>([
    ['numbers', (at) => at],
    ['fractions', (at) => (at === 0 ? 'x' : 1.5)],
    ['BigInts', (at) => BigInt(at) << 60n],
    ['empty objects', () => ({})],
    ['objects of many names', (at) => ({ [`${at}x`]: 1, [`${at}y`]: 2 })],
    ['objects of indexes', () => ({ 100: 1 })],
    ['empty arrays', () => []],
    ['arrays of one', () => [1]],
    ['holes', () => new Array<number>(1)],
    ['more holes', () => new Array<number>(20)],
    ['empty Maps', () => new Map()],
    ['Maps', () => new Map([0, 1, 2, 3, 4].map((key) => [key, key]))],
    ['Sets', () => new Set([0, 1, 2, 3, 4])],
    ['Dates', () => new Date(0)],
    ['boxes', () => Object(true) as unknown],
    ['texts', (at) => `text ${at} of some length`],
    ['wide texts', (at) => `€ ${at}`],
    ['RegExps', (at) => new RegExp(`[a${at}]*(b)`)],
    ['errors', () => Object.assign(new Error(''), { stack: '' })],
    ['buffers', () => new ArrayBuffer(8)],
    ['views', () => new Uint8Array(1)],
    ['large views', () => new Float64Array(100)],
  ])('of %s', (_, make) => {
    check(Array.from({ length: 5000 }, (__, at) => make(at)));
  });

  it('of what grows to hold many', () => {
    const numbers = Array.from({ length: 16_385 }, (_, at) => at);
    check(new Map(numbers.map((at) => [at, at])));
    check(new Set(numbers));
    check(Object.fromEntries(numbers.map((at) => [at * 9, 1])));
    check(Object.fromEntries(numbers.map((at) => [`a${at}`, 1])));
  });
});

describe('whatever is done to a value', () => {
  const sample = serialize([
    { a: 1.5, list: Object.assign(new Array(3), ['x']), 700: /a/g, n: null },
    new Map<unknown, unknown>([[1n, new Set(['é€'])]]),
    Buffer.from('abc'),
    new Float64Array(2),
    Object.assign(new TypeError('m', { cause: new Date(0) }), { stack: 'here' }),
    [Object('x'), Object(1n), Object(1), Object(false), new ArrayBuffer(4)],
  ]);

  it('nothing less than all of it passes', () => {
    for (let length = 0; length < sample.length; length += 1) {
      expect(refusal(sample.subarray(0, length))).not.toBe('passes');
    }
    expect(refusal(sample)).toBe('passes');
  });

  it('there is an answer for each changed byte', () => {
    for (let at = 0; at < sample.length; at += 1) {
      for (let byte = 0; byte < 256; byte += 1) {
        const changed = Buffer.from(sample);
        changed[at] = byte;
        refusal(changed);
      }
    }
  });

  it('and for several', () => {
    const change = fc.record({
      at: fc.nat(sample.length),
      cut: fc.nat(4),
      bytes: fc.uint8Array({ maxLength: 6 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), (changes) => {
        let bytes = sample;
        for (const { at, cut, bytes: put } of changes) {
          bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]);
        }
        refusal(bytes);
      }),
      { numRuns: tries(5000) },
    );
  });
});

it('a view has no memory in common with the input', () => {
  const bytes = serialize([new Uint8Array([1, 2, 3]), Buffer.from('abc')]);
  const slab = Buffer.concat([latin1('of another client'), bytes]);
  const [array, buffer] = decode(slab.subarray(slab.length - bytes.length)) as [Uint8Array, Buffer];
  for (const view of [array, buffer]) {
    expect(view.buffer.byteLength).toBeLessThanOrEqual(bytes.length);
    expect(Buffer.from(view.buffer).includes('client')).toBe(false);
  }
});
