import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AFTER_FLUSH, atExpiry, waitFor } from '../../../src/main/relay/linger.ts';

describe('how long a peer may take nothing', () => {
  it.each([
    ['the time asked for', { time: AFTER_FLUSH, most: 30_000, slowest: 0, held: 0 }, 2_000],
    ['lingerTimeout at most', { time: AFTER_FLUSH, most: 500, slowest: 0, held: 0 }, 500],
    [
      'twice its slowest pause, with output left',
      { time: 30_000, most: 30_000, slowest: 40_000, held: 1 },
      80_000,
    ],
    [
      'no longer for its pauses without output',
      { time: 30_000, most: 30_000, slowest: 40_000, held: 0 },
      30_000,
    ],
    [
      'ten times lingerTimeout for its pauses',
      { time: 30_000, most: 30_000, slowest: 1e9, held: 1 },
      300_000,
    ],
    ['the time asked for, though it is quick', { time: 30_000, most: 30_000, slowest: 5, held: 1 }, 30_000],
  ])('is %s', (_, patience, wait) => {
    expect(waitFor(patience)).toBe(wait);
  });

  it('has a bound, whatever the peer does', () => {
    const millis = fc.nat(1e9);
    fc.assert(
      fc.property(millis, millis, millis, fc.nat(), (time, most, slowest, held) => {
        expect(waitFor({ time, most, slowest, held })).toBeLessThanOrEqual(10 * most);
      }),
    );
  });
});

describe('at the end of a wait', () => {
  it.each([
    ['again', { moved: true, late: 0, wait: 1_000, granted: false }],
    ['again', { moved: true, late: 9_000, wait: 1_000, granted: true }],
    ['close', { moved: false, late: 0, wait: 1_000, granted: false }],
    ['close', { moved: false, late: 250, wait: 1_000, granted: false }],
    ['grant', { moved: false, late: 251, wait: 1_000, granted: false }],
    ['close', { moved: false, late: 251, wait: 1_000, granted: true }],
  ] as const)('it decides to %s for %j', (decision, expired) => {
    expect(atExpiry(expired)).toBe(decision);
  });
});
