import { expect } from 'vitest';
import { ForklessError } from '../../../src/common/core/errors.ts';
import { type Filter } from '../../../src/common/filters/filter.ts';

/** What a filter is to be tested as: any types. */
export type AnyFilter = Filter<unknown, never>;

/** What `run` throws, by its code; anything but a ForklessError fails the test. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ForklessError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

/** Everything that can be taken now; a throw is noted by its code. Fails when that does not come to an end. */
export function takeAll(filter: AnyFilter, most: number = 100_000): unknown[] {
  const records: unknown[] = [];
  while (records.length <= most) {
    const code = codeOf(() => {
      const record = filter.take();
      if (record !== undefined) records.push(record);
      else records.push(undefined);
    });
    if (code !== 'nothing thrown') records.push(`!${code}`);
    else if (records.at(-1) === undefined) return records.slice(0, -1);
  }
  return expect.fail(`more than ${most} records`);
}

/** Pushes each chunk and takes what there is. */
export function parse(filter: AnyFilter, chunks: readonly Uint8Array[]): unknown[] {
  return chunks.flatMap((chunk) => {
    const code = codeOf(() => {
      filter.push(chunk);
    });
    const records = takeAll(filter);
    return code === 'nothing thrown' ? records : [`!${code}`, ...records];
  });
}

export function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => whole.subarray(from, sorted[index] ?? whole.length));
}

export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
export const byteByByte = (whole: Buffer): Buffer[] => [...whole].map((byte) => Buffer.of(byte));
