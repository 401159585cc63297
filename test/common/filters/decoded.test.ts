import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonCodec, ReferenceFilter, zlibCompression } from '../../../src/filters.ts';
import { DecodeRefusal } from '../../../src/common/filters/decode-budget.ts';
import { checkJson } from '../../../src/common/filters/json-size.ts';
import { latin1, parse } from './reading.ts';
import { keptBy } from './kept-memory.ts';
import { few } from '../../effort.ts';

const MIB = 1024 * 1024;
const NONE = { maxDecoded: Infinity, maxDepth: Infinity };

function passes(text: string, limits: object): boolean {
  try {
    checkJson(Buffer.from(text), { ...NONE, ...limits });
    return true;
  } catch (error) {
    if (error instanceof DecodeRefusal) return false;
    throw error;
  }
}

/** What the value of a text is estimated to take. */
function estimate(text: string): number {
  let [low, high] = [0, 100 * text.length];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (passes(text, { maxDecoded: middle })) high = middle;
    else low = middle;
  }
  return high;
}

const many = (each: (at: number) => string): string =>
  `[${Array.from({ length: 20_000 }, (_, at) => each(at)).join(',')}]`;

const shapes: Record<string, string> = {
  numbers: many(() => '1'),
  fractions: many((at) => (at === 0 ? '"x"' : '1.5')),
  'empty arrays': many(() => '[]'),
  'arrays of one': many(() => '[0]'),
  'empty objects': many(() => '{}'),
  'objects of one name': many(() => '{"a":1}'),
  'objects of many names': many((at) => `{"${at}x":1,"${at}y":1}`),
  'objects of numbers for names': many((at) => `{"${at % 1000}":1}`),
  'one object': `{${many((at) => `"${at}x":1`).slice(1, -1)}}`,
  'empty texts': many(() => '""'),
  'short texts': many((at) => `"${at.toString(36)}"`),
  'texts with a wide character': many((at) => `"€ and many others ${at}"`),
  escapes: many((at) => String.raw`"\u20ac${at}"`),
  'deep arrays': many(() => '[[[[[[[[[[]]]]]]]]]]'),
  'deep objects': many(() => '{"a":{"a":{"a":{}}}}'),
};

describe('JSON', () => {
  it.each(few(Object.entries(shapes)))('%s take no more than estimated', (_, text) => {
    const isLess = (kept: number): boolean => !passes(text, { maxDecoded: kept });
    expect(isLess(keptBy(() => JSON.parse(text), isLess))).toBe(true);
  });

  it('is judged by what is outside of its strings', () => {
    expect(passes(`"${'['.repeat(2000)}"`, { maxDepth: 1 })).toBe(true);
    expect(passes(JSON.stringify(`${'\\'.repeat(7)}"`.repeat(500) + '['.repeat(9)), { maxDepth: 1 })).toBe(
      true,
    );
    expect(passes('[["x]]","\\"]]",[{}]]]', { maxDepth: 3 })).toBe(false);
    expect(passes('[["x]]","\\"]]",[{}]]]', { maxDepth: 4 })).toBe(true);
    expect(passes('[[],[],[[]]]', { maxDepth: 3 })).toBe(true);
    expect(passes('[[],[],[[[]]]]', { maxDepth: 3 })).toBe(false);
  });

  it('depth is that of the value', () => {
    const depth = (value: unknown): number =>
      typeof value === 'object' && value !== null
        ? 1 + Math.max(0, ...Object.values(value).map((each) => depth(each)))
        : 0;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        expect(passes(text, { maxDepth: depth(value), maxDecoded: 2 ** 40 })).toBe(true);
        if (depth(value) > 0) expect(passes(text, { maxDepth: depth(value) - 1 })).toBe(false);
      }),
    );
  });

  it('takes no more than 64 times its text, which is the default: what comes plain is never refused for it', () => {
    const worst = ['{"":{"":{"":{}}}}', '[[[[]]]]', '[{},{}]', '{"":0,"":0}', '["",""]'];
    for (const text of [...Object.values(shapes), ...worst.map((each) => many(() => each))]) {
      expect(estimate(text) / text.length).toBeLessThanOrEqual(64);
    }
  });

  it('short texts are not looked through', () => {
    expect(passes('['.repeat(1000), { maxDepth: 1000, maxDecoded: 66_000 })).toBe(true);
    expect(passes('['.repeat(1001), { maxDepth: 1000 })).toBe(false);
    expect(passes('[[]]', { maxDepth: 1 })).toBe(false);
  });
});

describe('16 MiB in 16 KB', () => {
  const size = 16 * MIB;
  const bombs: Record<string, string> = {
    deep: '['.repeat(size / 2) + ']'.repeat(size / 2),
    wide: `[${'[],'.repeat(size / 3 - 2)}0]`,
    objects: `[${'{},'.repeat(size / 3 - 2)}0]`,
    strings: `[${'"",'.repeat(size / 3 - 2)}0]`,
    names: `{${'"a":0,'.repeat(size / 6 - 2)}"a":0}`,
  };

  it.each(Object.entries(bombs))('%s: refused before it is parsed', (kind, text) => {
    const block = deflateSync(text, { level: 9 });
    expect(block.length).toBeLessThan(40_000);
    const filter = new ReferenceFilter({ compression: zlibCompression, errorsAsText: true });
    const limit = kind === 'deep' ? 'nested deeper than 1000 (limit `maxDepth`)' : '(limit `maxDecoded`)';
    const [first, ...rest] = parse(filter, [latin1(`${block.length}\0`), block, latin1('3\0[1]')]);
    // Deflated, [1] is none.
    expect(String(first)).toContain(limit);
    expect(rest).toEqual(['A reference of 3 bytes cannot be decoded']);
  });

  it('more than that: refused before it is inflated, and the bound follows `maxLength`', () => {
    const filter = new ReferenceFilter({ compression: zlibCompression, maxLength: 1000, errorsAsText: true });
    filter.push(Buffer.from(filter.encode('x'.repeat(15_998))));
    filter.push(Buffer.from(filter.encode('x'.repeat(15_999))));
    expect(filter.take()).toHaveLength(15_998);
    expect(filter.take()).toMatch(/inflated it has more than 16000 bytes \(limit `maxInflated`\)/);
  });
});

it('a codec gets the limits', () => {
  const seen: unknown[] = [];
  const codec = { ...jsonCodec, decode: (_: Buffer, limits?: object): unknown => seen.push(limits) };
  parse(new ReferenceFilter({ codec, maxLength: 100 }), [latin1('1\x001')]);
  parse(new ReferenceFilter({ codec, maxDecoded: 5, maxDepth: 6 }), [latin1('1\x001')]);
  expect(seen).toEqual([
    { maxDecoded: 6400, maxDepth: 1000 },
    { maxDecoded: 5, maxDepth: 6 },
  ]);
});
