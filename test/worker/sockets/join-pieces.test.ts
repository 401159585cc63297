import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { joinPieces } from '../../../src/worker/sockets/join-pieces.ts';
import { costOfEach } from '../../memory.ts';
import { tries } from '../../effort.ts';

const readable = (): Readable => new Readable({ highWaterMark: 1_048_576, read: () => undefined });

// All that is left: how much of it one `read()` gives is the stream's own matter.
function rest(from: Readable): string {
  let all = '';
  for (;;) {
    const next = from.read() as Buffer | string | null;
    if (next === null) return all;
    all += String(next);
  }
}

// Pushes, and now and then a read of so many bytes.
const acts = fc.array(
  fc.oneof(fc.record({ push: fc.string({ maxLength: 5 }) }), fc.record({ read: fc.nat(2_000) })),
  { minLength: 300, maxLength: 1_500 },
);

it('changes nothing of what is read', () => {
  fc.assert(
    fc.property(acts, (list) => {
      const [plain, joined] = [readable(), readable()];
      let pieces = 0;
      for (const act of list) {
        if ('push' in act) {
          for (const each of [plain, joined]) each.push(Buffer.from(act.push));
          pieces = joinPieces(joined, pieces + 1);
        } else {
          const [a, b] = [plain, joined].map((each) => each.read(act.read) as Buffer | null);
          expect(String(b)).toBe(String(a));
        }
        expect(joined.readableLength).toBe(plain.readableLength);
      }
      for (const each of [plain, joined]) each.push(null);
      expect(rest(joined)).toBe(rest(plain));
    }),
    { numRuns: tries(40) },
  );
});

it('leaves a stream with an encoding alone', () => {
  const each = readable().setEncoding('utf8');
  for (let at = 0; at < 1_000; at += 1) {
    each.push(Buffer.from('ab'));
    joinPieces(each, 1_000);
  }
  expect(each.read()).toBe('ab'.repeat(1_000));
});

it('holds single bytes at no more than twice their number and a little', async () => {
  const [count, bytes] = [8, 100_000];
  const cost = await costOfEach(count, () =>
    Array.from({ length: count }, () => {
      const each = readable();
      let pieces = 0;
      for (let at = 0; at < bytes; at += 1) {
        each.push(Buffer.from('x'));
        pieces = joinPieces(each, pieces + 1);
      }
      return each;
    }),
  );
  expect(cost).toBeLessThan(2 * bytes + 32_768);
});
