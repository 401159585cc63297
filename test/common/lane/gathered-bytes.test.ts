import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GatheredBytes } from '../../../src/common/lane/gathered-bytes.ts';
import { pattern } from '../../both-ends/rig.ts';

it('gives what was added, in order, and is empty then', () => {
  const sizes = fc.array(fc.oneof(fc.nat(40), fc.nat(5_000), fc.nat(200_000)), { maxLength: 40 });
  fc.assert(
    fc.property(sizes, sizes, (first, second) => {
      const gathered = new GatheredBytes();
      for (const round of [first, second]) {
        let length = 0;
        for (const size of round) {
          gathered.add(pattern(length, size));
          length += size;
        }
        expect(gathered.length).toBe(length);
        expect(Buffer.concat(gathered.take()).equals(pattern(0, length))).toBe(true);
        expect([gathered.length, gathered.take()]).toEqual([0, []]);
      }
    }),
    { numRuns: 50 },
  );
});

it('holds single bytes in a few blocks', () => {
  const gathered = new GatheredBytes();
  for (let at = 0; at < 262_144; at += 1) gathered.add(pattern(at, 1));
  const blocks = gathered.take();
  expect(blocks.length).toBeLessThan(20);
  expect(Buffer.concat(blocks).equals(pattern(0, 262_144))).toBe(true);
});

it('copies: the caller’s memory may be used again', () => {
  const gathered = new GatheredBytes();
  const bytes = Buffer.from('kept');
  gathered.add(bytes);
  bytes.fill(0);
  expect(Buffer.concat(gathered.take()).toString()).toBe('kept');
});
