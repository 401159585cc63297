import { deflateSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { BlockFilter, ReferenceFilter, structuredCloneCodec, zlibCompression } from '../../../src/filters.ts';
import { codeOf, latin1, parse, takeAll } from './reading.ts';

const blocks = (...contents: (string | Uint8Array)[]): Buffer =>
  Buffer.concat(contents.map((content) => Buffer.from(new BlockFilter().encode(content))));
const bad = '!FORKLESS_BAD_REFERENCE';

describe('references', () => {
  it('are JSON by default', () => {
    const filter = new ReferenceFilter();
    expect(Buffer.from(filter.encode({ a: ['é'] })).toString()).toBe('12\0{"a":["é"]}');
    expect(parse(filter, [blocks('{"a":1}', 'null', '"x"')])).toEqual([{ a: 1 }, null, 'x']);
  });

  it.each(['{"a":', '', 'undefined', 'process.exit(1)', '(()=>1)()'])(
    '%j is refused, the next parses',
    (text) => {
      expect(parse(new ReferenceFilter(), [blocks(text, '[1]')])).toEqual([bad, [1]]);
    },
  );

  it('do not change what an object is', () => {
    const [record] = parse(new ReferenceFilter(), [blocks('{"__proto__":{"isAdmin":true}}')]);
    expect((record as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect('isAdmin' in {}).toBe(false);
  });

  it('may be whatever can be cloned', () => {
    const filter = new ReferenceFilter({ codec: structuredCloneCodec });
    const value = { map: new Map([[1, 2n]]), bytes: new Uint8Array([1, 2]), self: null as unknown };
    value.self = value;
    filter.push(Buffer.from(filter.encode(value)));
    expect(takeAll(filter)).toEqual([value]);
    expect(parse(filter, [blocks('junk')])).toEqual([bad]);
    expect(codeOf(() => filter.encode(() => 1))).toBe('FORKLESS_BAD_REFERENCE');
  });

  it('are never undefined', () => {
    const filter = new ReferenceFilter({ codec: structuredCloneCodec });
    expect(codeOf(() => filter.encode(undefined))).toBe('FORKLESS_BAD_REFERENCE');
    expect(codeOf(() => new ReferenceFilter().encode(() => 1))).toBe('FORKLESS_BAD_REFERENCE');
    expect(parse(filter, [blocks(structuredCloneCodec.encode(undefined))])).toEqual([bad]);
  });

  it('may be compressed, up to a bound', () => {
    const filter = new ReferenceFilter({ compression: zlibCompression, maxInflated: 1000 });
    expect(filter.encode('x'.repeat(998)).length).toBeLessThan(100);
    filter.push(Buffer.from(filter.encode('x'.repeat(998))));
    filter.push(Buffer.from(filter.encode('x'.repeat(999))));
    filter.push(blocks(deflateSync(Buffer.alloc(1 << 24)), 'not zlib', deflateSync('[1]')));
    expect(takeAll(filter)).toEqual(['x'.repeat(998), bad, bad, bad, [1]]);
  });

  it('that cannot be inflated take little room, however many come in one read', () => {
    const room = vi.spyOn(Buffer, 'allocUnsafe');
    const filter = new ReferenceFilter({ compression: zlibCompression });
    const zlibHeader = Buffer.from([0x78, 0x9c, 0xff]);
    expect(parse(filter, [blocks(...Array<Buffer>(1000).fill(zlibHeader))])).toEqual(Array(1000).fill(bad));
    const bytes = room.mock.calls.reduce((sum, [size]) => sum + size, 0);
    room.mockRestore();
    expect(bytes).toBeLessThan(1000 * 256);
  });

  it('that are too long are dropped', () => {
    const filter = new ReferenceFilter({ maxLength: 4 });
    expect(parse(filter, [blocks('[1,2]', '[1]')])).toEqual(['!FORKLESS_BLOCK_TOO_LONG', [1]]);
  });

  it('that are bad can be text', () => {
    const filter = new ReferenceFilter({ errorsAsText: true });
    expect(parse(filter, [blocks('{', '[1]'), latin1('x')])).toEqual([
      'A reference of 1 bytes cannot be decoded',
      [1],
      'Expected the length of a block, got "x"',
    ]);
  });
});

it.each([
  { codec: {} },
  { codec: { encode: String } },
  { compression: { deflate: String } },
  { maxInflated: 0 },
])('refuses %j', (options) => {
  expect(codeOf(() => new ReferenceFilter(options as object))).toBe('FORKLESS_BAD_OPTION');
});
