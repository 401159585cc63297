import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Causes } from '../../../src/common/core/causes.ts';

const limits = { interval: 1_000, most: 3 };

/** When something happens, and of which cause. */
type Happening = readonly [now: number, cause: string, count?: number];

/** What is told of them, in order: the number of each, and how many were held back with it. */
function told(happenings: readonly Happening[], sizes: number[] = []): [number, number, number][] {
  const causes = new Causes<number>(limits);
  const all: [number, number, number][] = [];
  const until = (now: number): void => {
    for (let at = causes.wakeAt; at !== undefined && at <= now; at = causes.wakeAt)
      for (const { item, count } of causes.due(at)) all.push([at, item, count]);
  };
  happenings.forEach(([now, cause, count = 1], item) => {
    until(now);
    if (causes.admits(item, `kind ${cause}`, 'kind', count, now)) all.push([now, item, 0]);
    sizes.push(causes.size);
  });
  for (const { item, count } of causes.due(Infinity)) all.push([Infinity, item, count]);
  return all;
}

describe('causes', () => {
  it.each<[string, Happening[], [number, number, number][]]>([
    ['one', [[5, 'a']], [[5, 0, 0]]],
    [
      'one again and again: the first at once, then the last of each interval with a count',
      [
        [5, 'a'],
        [6, 'a'],
        [7, 'a', 10],
        [1_005, 'a'],
        [2_100, 'a'],
      ],
      [
        [5, 0, 0],
        [1_005, 2, 11],
        [2_005, 3, 1],
        [Infinity, 4, 1],
      ],
    ],
    [
      'one that comes back after the interval',
      [
        [5, 'a'],
        [1_005, 'a'],
      ],
      [
        [5, 0, 0],
        [1_005, 1, 0],
      ],
    ],
    [
      'a rare one beside a frequent one',
      [
        [5, 'a'],
        [6, 'a'],
        [7, 'b'],
      ],
      [
        [5, 0, 0],
        [7, 2, 0],
        [Infinity, 1, 1],
      ],
    ],
    [
      'more causes than are remembered, by their kind together',
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
        [4, 'd'],
        [5, 'e'],
        [6, 'a'],
      ],
      [
        [1, 0, 0],
        [2, 1, 0],
        [3, 2, 0],
        [4, 3, 0],
        [Infinity, 5, 1],
        [Infinity, 4, 1],
      ],
    ],
    [
      'a further one, once an older one is over',
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
        [1_001, 'd'],
      ],
      [
        [1, 0, 0],
        [2, 1, 0],
        [3, 2, 0],
        [1_001, 3, 0],
      ],
    ],
  ])('%s', (_, happenings, expected) => {
    expect(told(happenings)).toEqual(expected);
  });

  it('tells or counts each, and remembers no more than it may', () => {
    const step = fc.tuple(fc.nat(400), fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let now = 0;
        const sizes: number[] = [];
        const all = told(
          steps.map(([wait, cause]): Happening => [(now += wait), cause]),
          sizes,
        );
        expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(limits.most + 1);
        expect(all.reduce((sum, [, , count]) => sum + Math.max(1, count), 0)).toBe(steps.length);
      }),
    );
  });
});
