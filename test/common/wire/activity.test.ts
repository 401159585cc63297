import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createActivity, lastClient, noteClient } from '../../../src/common/wire/activity.ts';

describe('the activity words', () => {
  it('name nobody before the first client', () => {
    expect(lastClient(createActivity(), 5_000)).toBeUndefined();
  });

  it('name the client that was taken up last', () => {
    const words = createActivity();
    noteClient(words, 7, 1_000.5);
    noteClient(words, 8, 1_200.5);
    expect(lastClient(words, 1_500.5)).toEqual({ id: 8, age: 300 });
  });

  it('count the time right however long the machine is up, and never below 0', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e12, noNaN: true }),
        fc.double({ min: -1_000, max: 2e9, noNaN: true }),
        (at, passed) => {
          const words = createActivity();
          noteClient(words, 1, at);
          const age = lastClient(words, at + passed)?.age ?? NaN;
          expect(age).toBeGreaterThanOrEqual(0);
          expect(Math.abs(age - Math.max(0, passed))).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
