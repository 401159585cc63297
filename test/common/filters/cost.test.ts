import { describe, expect, it } from 'vitest';
import {
  BlockFilter,
  GrepFilter,
  HttpdFilter,
  LineFilter,
  MapFilter,
  RecordBlockFilter,
  ReferenceFilter,
  StackableFilter,
  StreamFilter,
  structuredCloneCodec,
} from '../../../src/filters.ts';
import { PendingRecords } from '../../../src/worker/session/pending-records.ts';
import { type AnyFilter, codeOf, latin1, takeAll } from './reading.ts';
import { keptBy } from './kept-memory.ts';
import { WHOLE } from '../../effort.ts';

const KIB = 1024;
const MOST = 160 * KIB;
// Two slabs of Node's pool, of which small buffers may keep all alive, and what a filter itself is.
const SLAB = 144 * KIB;

/** Pushes single bytes, each in memory of its own, `size` of them; `fill` is what they repeat. */
function feed(filter: AnyFilter, size: number, fill: string, takes: boolean): AnyFilter {
  const bytes = latin1(fill);
  for (let at = 0; at < size; at += 1) {
    filter.push(new Uint8Array([bytes[at % bytes.length] ?? 0]));
    if (takes) filter.take();
  }
  return filter;
}

function atMost(most: number, make: () => unknown): void {
  const kept = keptBy(make, (bytes) => bytes <= most);
  if (process.env['SHOW_COST'] !== undefined)
    console.log(expect.getState().currentTestName, kept, 'of', most);
  expect(kept).toBeLessThanOrEqual(most);
}

/** A filter that was given `before` in one, and has taken what it could of it. */
function begun(filter: AnyFilter, before: string): AnyFilter {
  filter.push(latin1(before));
  filter.take();
  return filter;
}

const request = 'POST / HTTP/1.1\r\n';
const body = { maxBody: MOST - 64 * KIB - 16 * KIB, maxBuffer: MOST };
const inMiddle: [name: string, make: () => AnyFilter, fill: string, size: number][] = [
  ['a line', () => new LineFilter({ maxLength: MOST - 64 * KIB, maxBuffer: MOST }), 'x', MOST - 64 * KIB],
  [
    'a line, sought by a pattern',
    () => new LineFilter({ inputRegexp: /;/, maxLength: MOST - 64 * KIB, maxBuffer: MOST }),
    'x',
    MOST - 64 * KIB,
  ],
  ['a block', () => begun(new BlockFilter({ maxLength: MOST }), `${MOST}\0`), 'x', MOST - 1],
  ['a block of one size', () => new BlockFilter({ blockSize: MOST }), 'x', MOST - 1],
  ['a reference', () => begun(new ReferenceFilter({ maxLength: MOST }), `${MOST}\0`), '[', MOST - 1],
  [
    'a structured clone',
    () => begun(new ReferenceFilter({ codec: structuredCloneCodec, maxLength: MOST }), `${MOST}\0`),
    'A',
    MOST - 1,
  ],
  [
    'a body',
    () => begun(new HttpdFilter(body), `${request}Content-Length: ${body.maxBody}\r\n\r\n`),
    'x',
    body.maxBody - 1,
  ],
  [
    'a body in chunks of one byte',
    () => begun(new HttpdFilter(body), `${request}Transfer-Encoding: chunked\r\n\r\n`),
    '1\r\nx\r\n',
    MOST - 200,
  ],
  [
    'headers of one byte',
    () =>
      begun(
        new HttpdFilter({ maxHeaderSize: MOST - 64 * KIB, maxHeaders: 10_000, maxBody: 0, maxBuffer: MOST }),
        request,
      ),
    'a:\r\n',
    30_000,
  ],
  [
    'a line in a stack',
    () =>
      new StackableFilter({
        filters: [
          new LineFilter({ maxLength: MOST - 64 * KIB, maxBuffer: MOST }),
          new MapFilter({ code: String }),
        ],
      }),
    'x',
    MOST - 64 * KIB,
  ],
];

const untaken: [name: string, make: () => AnyFilter][] = [
  ['lines', () => new LineFilter({ maxLength: 1, maxBuffer: MOST })],
  ['what was read', () => new StreamFilter({ maxBuffer: MOST })],
  ['blocks', () => new BlockFilter({ maxLength: 1, maxBuffer: MOST })],
  ['references', () => new ReferenceFilter({ maxLength: 1, maxBuffer: MOST })],
  ['requests', () => new HttpdFilter({ maxBody: 0, maxHeaderSize: 64, maxBuffer: MOST })],
];

it.runIf(WHOLE)('a list of such pieces would be far beyond', () => {
  const list = (): unknown => Array.from({ length: MOST }, () => Buffer.from(new Uint8Array(1)));
  expect(keptBy(list, () => false)).toBeGreaterThan(20 * MOST);
});

describe.runIf(WHOLE)('memory for what comes byte by byte is no more than twice the bytes', () => {
  it.each(inMiddle)('in the middle of %s', (_, make, fill, size) => {
    atMost(2 * MOST + SLAB, () => feed(make(), size, fill, true));
  });

  it.each(untaken)('of %s that nobody takes', (_, make) => {
    atMost(2 * MOST + SLAB, () => feed(make(), MOST, '\n', false));
    const filter = feed(make(), MOST, '\n', false);
    expect(
      codeOf(() => {
        filter.push(latin1('x'));
      }),
    ).toBe('FORKLESS_INPUT_OVERFLOW');
    atMost(2 * MOST + SLAB, () => feed(make(), MOST, '\n', false).release());
  });

  it('of requests that are blank lines', () => {
    atMost(2 * SLAB, () => feed(new HttpdFilter(), MOST, '\r\n', true));
  });

  it('of a streamed body in chunks of one byte', () => {
    const make = (): AnyFilter =>
      begun(new HttpdFilter({ streaming: true }), `${request}Transfer-Encoding: chunked\r\n\r\n`);
    atMost(2 * SLAB, () => feed(make(), 60_000, '1\r\nx\r\n', true));
  });
});

describe('memory for tiny records in one read', () => {
  const read = (fill: string): Buffer => Buffer.alloc(MOST, fill);
  const taking = (filter: AnyFilter, bytes: Buffer): AnyFilter => {
    filter.push(bytes);
    filter.take();
    return filter;
  };

  it.each<[string, () => AnyFilter, string]>([
    ['empty lines', () => new LineFilter(), '\n'],
    ['empty lines, by a pattern', () => new LineFilter({ inputRegexp: /\n/ }), '\n'],
    ['empty blocks', () => new BlockFilter(), '0\0'],
    ['blocks of one byte', () => new BlockFilter({ blockSize: 1 }), 'x'],
    ['empty references', () => new ReferenceFilter({ errorsAsText: true }), '0\0'],
    [
      'lines in a stack',
      () =>
        new StackableFilter({
          filters: [new LineFilter(), new GrepFilter({ code: Boolean }), new MapFilter({ code: String })],
        }),
      'x\n',
    ],
    ['requests', () => new HttpdFilter(), 'GET / HTTP/1.1\r\n\r\n'],
  ])('%s: they are made one by one', (_, make, fill) => {
    atMost(MOST + SLAB, () => taking(make(), read(fill)));
  });

  it('a line of which little is left gives a large buffer back', () => {
    const long = Buffer.alloc(MOST, 'x');
    atMost(SLAB, () => {
      const filter = new LineFilter({ maxLength: 2 * MOST });
      for (const part of [long, long, latin1('\nx')]) {
        filter.push(part);
        takeAll(filter);
      }
      return filter;
    });
  });
});

describe('memory for records that wait for a whole block', () => {
  const blocks = (below: AnyFilter): AnyFilter =>
    new StackableFilter({
      filters: [below, new RecordBlockFilter({ blockSize: 1e9, maxBuffer: MOST })] as never,
    });

  it.each<[string, () => AnyFilter, string]>([
    ['empty lines', () => blocks(new LineFilter()), '\n'],
    ['lines of one byte', () => blocks(new LineFilter()), 'x\n'],
    ['lines of some bytes', () => blocks(new LineFilter()), 'some bytes and a wide character: €\n'],
    ['empty blocks', () => blocks(new BlockFilter()), '0\0'],
    ['blocks of one byte', () => blocks(new BlockFilter()), '1\0x'],
    ['what was read', () => blocks(new StreamFilter()), 'x'],
    [
      'blocks of lines',
      () =>
        blocks(new StackableFilter({ filters: [new LineFilter(), new RecordBlockFilter({ blockSize: 3 })] })),
      'x\n',
    ],
    [
      'numbers',
      () =>
        blocks(
          new StackableFilter({
            filters: [
              new LineFilter(),
              new MapFilter<string, number>({ get: (line) => line.length + 0.5, put: String }),
            ],
          }),
        ),
      'x\n',
    ],
  ])('%s', (_, make, fill) => {
    const bytes = Buffer.from(fill);
    const push = (filter: AnyFilter): void => {
      // Memory of its own for each, for a view keeps all of it.
      const read = Buffer.allocUnsafeSlow(bytes.length);
      read.set(bytes);
      filter.push(read);
      filter.take();
    };
    let count = 0;
    const full = make();
    const overflow = (): void => {
      for (; ; count += 1) push(full);
    };
    expect(codeOf(overflow)).toBe('FORKLESS_INPUT_OVERFLOW');
    expect(count).toBeGreaterThan(100);
    atMost(2 * MOST + SLAB, () => {
      const filter = make();
      for (let at = 0; at < count; at += 1) push(filter);
      return filter;
    });
  });
});

describe('memory for the lengths of records that wait to be sent', () => {
  const COUNT = 100_000;

  it('is at most 24 bytes for each', () => {
    atMost(24 * COUNT, () => {
      const records = new PendingRecords();
      for (let at = 1; at <= COUNT; at += 1) records.wrote(2, 2 * at);
      return records;
    });
  });

  it('goes when they have left, also when some always wait', () => {
    atMost(COUNT, () => {
      const records = new PendingRecords();
      for (let at = 1; at <= COUNT; at += 1) records.wrote(2, 2 * at);
      for (let at = 0; at < COUNT; at += 1) records.wrote(2, 20);
      return records;
    });
  });
});

describe('records that are arrays', () => {
  const below = (): ReferenceFilter => new ReferenceFilter({ codec: structuredCloneCodec });
  const took = (record: unknown, maxBuffer: number): unknown => {
    const blocks = new RecordBlockFilter({ blockSize: 2, maxBuffer });
    return codeOf(() => {
      blocks.push(record);
    });
  };

  it('may hold themselves', () => {
    const record: unknown[] = [];
    record.push(record, [record]);
    const bytes = below().encode(record) as Uint8Array;
    const stack = new StackableFilter({
      filters: [below(), new RecordBlockFilter({ blockSize: 2 })] as never,
    });
    for (let count = 0; count < 2; count += 1) stack.push(bytes);
    expect(stack.take()).toEqual([record, record]);
  });

  it('may be nested deeper than the stack is, and count all the same', () => {
    let record: unknown[] = [];
    for (let depth = 1; depth < 50_000; depth += 1) record = [record];
    expect(took(record, 16 * 1024 * KIB)).toBe('nothing thrown');
    expect(took(record, 50_000 * 100)).toBe('FORKLESS_INPUT_OVERFLOW');
  });

  it('count an array once that they hold often', () => {
    const often = new Array<string>(10_000).fill('x');
    expect(took([often], 500 * KIB)).toBe('nothing thrown');
    expect(took([often, often], 500 * KIB)).toBe('nothing thrown');
    expect(took([often, [...often]], 500 * KIB)).toBe('FORKLESS_INPUT_OVERFLOW');
  });
});
