import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ration } from '../../../src/common/core/ration.ts';

const limits = { interval: 1_000, most: 4, mostOfOne: 2 };

/** When something happens, of which kind, from which source. */
type Happening = readonly [now: number, kind: string, source?: number | undefined];

/** What is told of them, in order: the number of each, with how many more it stands for. */
function told(happenings: readonly Happening[]): [now: number, item: number, repeated: number][] {
  const ration = new Ration<number>(limits);
  const all: [number, number, number][] = [];
  const until = (now: number): void => {
    for (let at = ration.wakeAt; at !== undefined && at <= now; at = ration.wakeAt)
      for (const { item, repeated } of ration.due(at)) all.push([at, item, repeated]);
  };
  happenings.forEach(([now, kind, source], item) => {
    until(now);
    if (ration.admits(item, kind, source, now)) all.push([now, item, 0]);
  });
  until(Infinity);
  return all;
}

describe('a ration', () => {
  it.each<[string, Happening[], [number, number, number][]]>([
    ['one', [[5, 'a', 1]], [[5, 0, 0]]],
    [
      'as many as it takes of one source',
      [
        [5, 'a', 1],
        [6, 'a', 1],
      ],
      [
        [5, 0, 0],
        [6, 1, 0],
      ],
    ],
    [
      'more of one source: the rest at the end of the interval, as one',
      [
        [5, 'a', 1],
        [6, 'a', 1],
        [7, 'a', 1],
        [900, 'a', 1],
        [1_004, 'a', 1],
      ],
      [
        [5, 0, 0],
        [6, 1, 0],
        [1_005, 2, 2],
      ],
    ],
    [
      'another source meanwhile at once',
      [
        [5, 'a', 1],
        [5, 'a', 1],
        [5, 'a', 1],
        [6, 'a', 2],
      ],
      [
        [5, 0, 0],
        [5, 1, 0],
        [6, 3, 0],
        [1_005, 2, 0],
      ],
    ],
    [
      'more of all sources than it takes: one for each kind',
      [
        [1, 'a', 1],
        [1, 'a', 2],
        [1, 'b', 3],
        [1, 'b', 4],
        [1, 'a', 5],
        [1, 'b', 6],
        [1, 'a', 7],
      ],
      [
        [1, 0, 0],
        [1, 1, 0],
        [1, 2, 0],
        [1, 3, 0],
        [1_001, 4, 1],
        [1_001, 5, 0],
      ],
    ],
    [
      'those without a source up to the whole of it',
      [
        [1, 'a'],
        [1, 'a'],
        [1, 'a'],
        [1, 'a'],
        [1, 'a'],
      ],
      [
        [1, 0, 0],
        [1, 1, 0],
        [1, 2, 0],
        [1, 3, 0],
        [1_001, 4, 0],
      ],
    ],
    [
      'what comes after the interval at once again',
      [
        [1, 'a', 1],
        [1, 'a', 1],
        [1_001, 'a', 1],
      ],
      [
        [1, 0, 0],
        [1, 1, 0],
        [1_001, 2, 0],
      ],
    ],
    [
      'what goes on as so many in each interval',
      [
        [0, 'a', 1],
        [0, 'a', 1],
        [0, 'a', 1],
        [1_001, 'a', 1],
        [1_002, 'a', 1],
        [1_003, 'a', 1],
      ],
      [
        [0, 0, 0],
        [0, 1, 0],
        [1_000, 2, 0],
        [1_001, 3, 0],
        [1_002, 4, 0],
        [2_000, 5, 0],
      ],
    ],
  ])('tells of %s', (_, happenings, expected) => {
    expect(told(happenings)).toEqual(expected);
  });

  it('loses nothing, and never tells more than it is meant to', () => {
    const happening = fc.tuple(
      fc.integer({ min: 0, max: 300 }),
      fc.constantFrom('a', 'b', 'c'),
      fc.option(fc.nat(5), { nil: undefined }),
    );
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (steps) => {
        let now = 0;
        const all = told(steps.map(([wait, kind, source]) => [(now += wait), kind, source]));
        expect(all.reduce((sum, [, , repeated]) => sum + 1 + repeated, 0)).toBe(steps.length);
        expect(new Set(all.map(([, item]) => item)).size).toBe(all.length);
        // In any interval: what is left of one, what is told of it at its end, and the next.
        for (const [from] of all) {
          const within = all.filter(([at]) => at >= from && at < from + limits.interval);
          expect(within.length).toBeLessThanOrEqual(2 * limits.most + 3);
        }
      }),
    );
  });
});
