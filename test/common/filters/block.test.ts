import { describe, expect, it } from 'vitest';
import { BlockFilter, type ForklessError, type LengthCodec } from '../../../src/filters.ts';
import { codeOf, latin1, parse, takeAll } from './reading.ts';

const texts = (records: readonly unknown[]): unknown[] =>
  records.map((record) => (Buffer.isBuffer(record) ? record.toString('latin1') : record));
const uint32: LengthCodec = {
  encode(length) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(length);
    return bytes;
  },
  decode: (bytes) => (bytes.length < 4 ? undefined : { size: 4, length: bytes.readUInt32BE() }),
};

describe('blocks of one size', () => {
  it('are given when they are whole', () => {
    const filter = new BlockFilter({ blockSize: 4 });
    expect(texts(parse(filter, ['abcdefg', 'h', 'i'].map(latin1)))).toEqual(['abcd', 'efgh']);
    expect(Buffer.from(filter.release()).toString()).toBe('i');
  });

  it('are sent as they are', () => {
    expect(new BlockFilter({ blockSize: 4 }).encode('ab')).toBe('ab');
  });
});

describe('blocks with their length in front', () => {
  const garbage = '!FORKLESS_BAD_BLOCK_LENGTH';
  const long = '!FORKLESS_BLOCK_TOO_LONG';

  it.each<[string, unknown[]]>([
    ['3\0abc0\x001\0d', ['abc', '', 'd']],
    ['0003\0abc', ['abc']],
    ['5\0abcdefg', [long, garbage]],
    ['5\0abcde1\0g', [long, 'g']],
    ['xyz3\0abc', [garbage, 'abc']],
    ['1x2y3\0abc', [garbage, 'abc']],
    ['1x', [garbage]],
    ['-1\0', [garbage]],
    ['1\0a\0\x001\0b', ['a', garbage, 'b']],
    ['999999999999999\0', [long]],
    ['99999999999999991\0b', [garbage]],
    ['3', []],
  ])('%j is %j', (input, records) => {
    expect(texts(parse(new BlockFilter({ maxLength: 4 }), [latin1(input)]))).toEqual(records);
  });

  it('say what is wrong', () => {
    const filter = new BlockFilter({ maxLength: 4 });
    filter.push(latin1('oops5\0'));
    expect(() => filter.take()).toThrow('Expected the length of a block, got "oops"');
    expect(() => filter.take()).toThrow('A block of 5 bytes (limit 4)');
  });

  it('come back, also text of several bytes a character', () => {
    const filter = new BlockFilter();
    filter.push(Buffer.from(filter.encode('é')));
    filter.push(Buffer.from(filter.encode(Buffer.of(0, 255))));
    expect(takeAll(filter)).toEqual([Buffer.from('é'), Buffer.of(0, 255)]);
    expect(Buffer.from(filter.encode('é')).toString()).toBe('2\0é');
  });

  it('may be of any length on the way out', () => {
    expect(new BlockFilter({ maxLength: 1 }).encode('abc')).toHaveLength(5);
  });

  it('keep their length for the next filter until they are whole', () => {
    const filter = new BlockFilter();
    expect(parse(filter, [latin1('5\0ab')])).toEqual([]);
    expect(Buffer.from(filter.release()).toString('latin1')).toBe('5\0ab');
  });

  it('by a codec of another kind', () => {
    const filter = new BlockFilter({ lengthCodec: uint32 });
    filter.push(Buffer.from(filter.encode('abc')));
    expect(texts(takeAll(filter))).toEqual(['abc']);
  });
});

describe('a codec that fails', () => {
  const bad: [string, () => unknown][] = [
    ['throws', (): never => expectedThrow()],
    ['never has enough', () => undefined],
    ['takes no bytes', () => ({ size: 0, length: 1 })],
    ['takes more than there is', () => ({ size: 1000, length: 1 })],
    ['gives a negative length', () => ({ size: 1, length: -1 })],
    ['gives no number', () => ({ size: 1, length: NaN })],
  ];

  it.each(bad)('because it %s, ends the input', (_, decode) => {
    const lengthCodec = { encode: String, decode } as LengthCodec;
    const filter = new BlockFilter({ lengthCodec });
    expect(parse(filter, [Buffer.alloc(100), Buffer.alloc(100)])).toEqual(['!FORKLESS_BAD_BLOCK_LENGTH']);
    expect(filter.release()).toHaveLength(0);
  });

  it('keeps what it has thrown', () => {
    const filter = new BlockFilter({ lengthCodec: { encode: String, decode: () => expectedThrow() } });
    filter.push(Buffer.alloc(1));
    try {
      filter.take();
      expect.fail('did not throw');
    } catch (error) {
      expect((error as ForklessError).cause).toEqual(new Error('mine'));
    }
  });

  function expectedThrow(): never {
    throw new Error('mine');
  }
});

it.each([
  { blockSize: 0 },
  { blockSize: 1.5 },
  { blockSize: 4, maxLength: 4 },
  { blockSize: 4, lengthCodec: uint32 },
  { lengthCodec: {} },
  { lengthCodec: { encode: String } },
  { maxLength: 0 },
  { maxLength: 4, maxBuffer: 4 },
])('refuses %j', (options) => {
  expect(codeOf(() => new BlockFilter(options as object))).toBe('FORKLESS_BAD_OPTION');
});
