import { describe, expect, it } from 'vitest';
import { BlockFilter, type Filter, LineFilter, ReferenceFilter, StreamFilter } from '../../../src/filters.ts';
import { latin1, takeAll } from './reading.ts';

type Each = Filter<unknown, string>;

const kinds: Record<string, () => Each> = {
  Line: () => new LineFilter(),
  Stream: () => new StreamFilter(),
  Block: () => new BlockFilter(),
  Reference: () => new ReferenceFilter<string>(),
};
const names = Object.keys(kinds);
const sixteen = names.flatMap((from) => names.map((to) => [from, to] as const));
const text = (record: unknown): string => (Buffer.isBuffer(record) ? record.toString() : String(record));
const FIRST = 'first 1';
const SECOND = '2 second';

function both(
  from: string,
  to: string,
): { first: Each; second: Each; firstBytes: Buffer; secondBytes: Buffer } {
  const first = kinds[from]!();
  const second = kinds[to]!();
  const firstBytes = Buffer.from(first.encode(FIRST));
  return { first, second, firstBytes, secondBytes: Buffer.from(second.encode(SECOND)) };
}

describe.each(sixteen)('from %s to %s in mid-stream', (from, to) => {
  it('by handshake', () => {
    const { first, second, firstBytes, secondBytes } = both(from, to);
    first.push(firstBytes);
    expect(text(first.take())).toBe(FIRST);
    const rest = first.release();
    expect(rest).toHaveLength(0);
    second.push(rest);
    expect(second.take()).toBeUndefined();
    second.push(secondBytes);
    expect(takeAll(second).map(text)).toEqual([SECOND]);
  });

  it('in one write, or in two cut at any byte', () => {
    const { firstBytes, secondBytes } = both(from, to);
    const whole = Buffer.concat([firstBytes, secondBytes]);
    for (let at = 0; at <= whole.length; at += 1) {
      // Between CR and LF, see below.
      if (from === 'Line' && at === firstBytes.length - 1) continue;
      const { first, second } = both(from, to);
      expect(switchOver(first, second, [whole.subarray(0, at), whole.subarray(at)])).toEqual([FIRST, SECOND]);
    }
  });
});

// What a handler does: the first record, then the other filter with what is left. A stream knows no records: its
// reader counts the bytes, and passes the surplus on.
function switchOver(first: Each, second: Each, chunks: readonly Buffer[]): string[] {
  const records: string[] = [];
  let inUse = first;
  let streamed = Buffer.alloc(0);
  for (const chunk of chunks) {
    inUse.push(chunk);
    const record = inUse === first ? first.take() : undefined;
    if (record !== undefined) {
      streamed = Buffer.concat([streamed, Buffer.from(text(record))]);
      if (streamed.length >= FIRST.length) {
        records.push(streamed.toString('utf8', 0, FIRST.length));
        second.push(streamed.subarray(FIRST.length));
        second.push(first.release());
        inUse = second;
      }
    }
    if (inUse === second) records.push(...takeAll(second).map(text));
  }
  return second instanceof StreamFilter ? [records[0] ?? '', records.slice(1).join('')] : records;
}

describe('there and back', () => {
  it('line, stream and line again go on from one another', () => {
    const line = new LineFilter();
    line.push(latin1('first\r\nbytes'));
    expect(line.take()).toBe('first');
    const stream = new StreamFilter();
    stream.push(line.release());
    expect(stream.take()).toEqual(latin1('bytes'));
    stream.push(latin1('x\ny'));
    const input = stream.release();
    // The filter itself, which has kept nothing, and one that is new.
    for (const next of [line.clone(), line]) {
      next.push(input);
      expect(takeAll(next)).toEqual(['x']);
    }
  });
});

describe('a line end split between two reads, with a switch between them', () => {
  const chunks = [latin1('first 1\r'), latin1('\n2 second')];

  it('leaves its second half to the next filter', () => {
    expect(switchOver(new LineFilter(), new StreamFilter(), chunks)).toEqual([FIRST, `\n${SECOND}`]);
  });

  it('does not when the end is a literal', () => {
    const line = new LineFilter({ literal: '\r\n' });
    expect(switchOver(line, new StreamFilter(), chunks)).toEqual([FIRST, SECOND]);
  });
});
