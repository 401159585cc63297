import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BlockFilter,
  type Filter,
  GrepFilter,
  HttpdFilter,
  LineFilter,
  MapFilter,
  RecordBlockFilter,
  ReferenceFilter,
  StackableFilter,
  StreamFilter,
  structuredCloneCodec,
  zlibCompression,
} from '../../../src/filters.ts';
import { type AnyFilter, byteByByte, codeOf, cut, latin1, parse, takeAll } from './reading.ts';
import { tries } from '../../effort.ts';

interface Case {
  readonly name: string;
  readonly make: () => AnyFilter;
  /** Good input, of 20 to 100 bytes. */
  readonly sample: Buffer;
  /** Bytes that the filter takes for something. */
  readonly letters: string;
  readonly most: number;
}

const MOST = 4 + 64 * 1024;
const encoded = <Out>(filter: Filter<unknown, Out>, ...records: Out[]): Buffer =>
  Buffer.concat(records.map((record) => Buffer.from(filter.encode(record))));
const uint16 = {
  encode: (length: number) => Buffer.of(length >> 8, length & 255),
  decode: (bytes: Buffer) => (bytes.length < 2 ? undefined : { size: 2, length: bytes.readUInt16BE(0) }),
};
const packed = (): ReferenceFilter =>
  new ReferenceFilter({ codec: structuredCloneCodec, compression: zlibCompression });
const request =
  'GET //a HTTP/1.1\r\nA: b\r\n\r\nPUT /b HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc' +
  '\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\nT: t\r\n\r\n';

const lines = latin1('one\r\n\r\ntwo;\nthree\n\rfour\rX-Y;x');
const cases: Case[] = [
  { name: 'Line', make: () => new LineFilter(), sample: lines, letters: '\r\n', most: 1 << 25 },
  {
    name: 'Line, literal',
    make: () => new LineFilter({ literal: '\r\n', maxLength: 4, maxBuffer: MOST }),
    sample: lines,
    letters: '\r\n',
    most: MOST,
  },
  {
    name: 'Line, literal that repeats itself',
    make: () => new LineFilter({ literal: 'aab', encoding: 'latin1' }),
    sample: latin1('xaaabaabyaaaaaabaabaa'),
    letters: 'aab',
    most: 1 << 25,
  },
  {
    name: 'Line, pattern',
    make: () => new LineFilter({ inputRegexp: /;|x-y/i, maxLength: 4, maxBuffer: MOST }),
    sample: latin1('ab;x-ycd;longer;eX-Yf;x'),
    letters: ';xyX-',
    most: MOST,
  },
  {
    name: 'Line, detected',
    make: () => new LineFilter({ autodetect: true, maxLength: 4, maxBuffer: MOST }),
    sample: lines,
    letters: '\r\n',
    most: MOST,
  },
  {
    name: 'Block, fixed',
    make: () => new BlockFilter({ blockSize: 4, maxBuffer: MOST }),
    sample: latin1('abcdefghijklmnopqrstu'),
    letters: 'a',
    most: MOST,
  },
  {
    name: 'Block, decimal',
    make: () => new BlockFilter({ maxLength: 4, maxBuffer: MOST }),
    sample: latin1('3\0abc0\0x1y00012\0longer block4\0abcdz'),
    letters: '0123\0',
    most: MOST,
  },
  {
    name: 'Block, codec',
    make: () => new BlockFilter({ lengthCodec: uint16, maxLength: 4, maxBuffer: MOST }),
    sample: latin1('\0\x03abc\0\0\0\x06longer\0\x01z\0'),
    letters: '\0\x01\x02',
    most: MOST,
  },
  {
    name: 'Reference',
    make: () => new ReferenceFilter(),
    sample: encoded(new ReferenceFilter(), { a: [1, null] }, 'text', [false]),
    letters: '0123\0{}[]"',
    most: 1 << 25,
  },
  {
    name: 'Reference, packed',
    make: packed,
    sample: encoded(packed(), new Map([[1, 2n]]), 'text'),
    letters: '0123\0x\x9c',
    most: 1 << 25,
  },
  {
    name: 'Httpd',
    make: () => new HttpdFilter(),
    sample: latin1(request),
    letters: 'GET / HTTP/1.1\r\n: 05;',
    most: 1 << 25,
  },
  {
    name: 'Stackable',
    make: () =>
      new StackableFilter({
        filters: [
          new LineFilter(),
          new MapFilter({ get: (line: string) => line.toUpperCase(), put: (line: string) => line }),
          new GrepFilter({ code: (line: string) => line !== '' }),
          new RecordBlockFilter<string>({ blockSize: 2 }),
        ],
      }),
    sample: lines,
    letters: '\r\n',
    most: 1 << 25,
  },
];

const framed = describe.each(cases);

framed('$name keeps the contract', ({ make, sample, letters, most }) => {
  const whole = parse(make(), [sample]);

  it('the sample has records', () => {
    expect(whole.length).toBeGreaterThan(1);
  });

  it('parse(every split in two) = parse(whole)', () => {
    for (let at = 0; at <= sample.length; at += 1) {
      expect(parse(make(), [sample.subarray(0, at), sample.subarray(at)])).toEqual(whole);
    }
  });

  it('parse(byte by byte) = parse(whole)', () => {
    expect(parse(make(), byteByByte(sample))).toEqual(whole);
  });

  it('chunks pushed together parse as chunks pushed one by one', () => {
    const filter = make();
    for (const byte of byteByByte(sample)) filter.push(byte);
    expect(takeAll(filter)).toEqual(whole);
  });

  it('push only loads, take gives one record', () => {
    const filter = make();
    filter.push(sample);
    expect([filter.take(), ...takeAll(filter)]).toEqual(whole);
  });

  it('a clone has the parameters and no input, and does not touch the original', () => {
    const filter = make();
    filter.push(sample.subarray(0, sample.length - 1));
    const clone = filter.clone();
    expect(clone.take()).toBeUndefined();
    expect(parse(clone, [sample])).toEqual(whole);
    expect([...takeAll(filter), ...parse(filter, [sample.subarray(sample.length - 1)])]).toEqual(whole);
  });

  // Two bytes more: a stack writes a line end of one byte back as two.
  it('release gives what no record used, and forgets it, at every byte', () => {
    for (let at = 0; at <= sample.length; at += 1) {
      const filter = make();
      filter.push(sample.subarray(0, at));
      takeAll(filter);
      const rest = filter.release();
      expect(Buffer.from(rest).length).toBeLessThanOrEqual(at + 2);
      expect(filter.release()).toHaveLength(0);
      expect(filter.take()).toBeUndefined();
    }
  });

  const junk = fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...letters.split('')) },
        fc.integer({ min: 0, max: 255 }),
      ),
      { maxLength: 200 },
    )
    .map((list) => Buffer.from(list.map((each) => (typeof each === 'string' ? each.charCodeAt(0) : each))));
  const input = fc
    .tuple(fc.boolean(), junk, fc.nat(100))
    .map(([mixed, bytes, at]) => (mixed ? Buffer.concat([sample.subarray(0, at), bytes, sample]) : bytes));

  it('whatever comes: only a ForklessError is thrown, there is an end, and splits do not matter', () => {
    fc.assert(
      fc.property(input, fc.array(fc.nat(400), { maxLength: 12 }), (bytes, places) => {
        expect(parse(make(), cut(bytes, places))).toEqual(parse(make(), [bytes]));
      }),
      { numRuns: tries(200) },
    );
  });

  it('holds no more than maxBuffer when nothing is taken', () => {
    const filter = make();
    const chunk = Buffer.alloc(20_000, letters);
    let kept = 0;
    const push = (): void => {
      filter.push(chunk);
    };
    while (codeOf(push) === 'nothing thrown') kept += chunk.length;
    expect(kept).toBeLessThanOrEqual(most);
    expect(filter.release()).toHaveLength(0);
  });

  it('after an overflow input is discarded, until release', () => {
    const filter = make();
    const overflow = (): void => {
      for (let count = 0; count < 5000; count += 1) filter.push(Buffer.alloc(10_000, 'x'));
    };
    expect(codeOf(overflow)).toBe('FORKLESS_INPUT_OVERFLOW');
    expect(parse(filter, [sample])).toEqual([]);
    expect(filter.release()).toHaveLength(0);
    expect(parse(filter, [sample])).toEqual(whole);
  });
});

describe('Stream keeps the contract', () => {
  it('the bytes of any split are those of the whole', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(fc.nat(200)), (bytes, places) => {
        const records = parse(new StreamFilter(), cut(Buffer.from(bytes), places)) as Buffer[];
        expect(Buffer.concat(records)).toEqual(Buffer.from(bytes));
        expect(records.every((record) => record.length > 0)).toBe(true);
      }),
    );
  });

  it('holds no more than maxBuffer', () => {
    const filter = new StreamFilter({ maxBuffer: 65_536 });
    filter.push(Buffer.alloc(65_536));
    expect(parse(filter, [Buffer.alloc(1), Buffer.alloc(1)])).toEqual(['!FORKLESS_INPUT_OVERFLOW']);
  });
});
