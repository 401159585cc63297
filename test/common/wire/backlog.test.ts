import { describe, expect, it } from 'vitest';
import { createBacklog, enter, leave } from '../../../src/common/wire/backlog.ts';

describe('a backlog', () => {
  it('lets in as many as may wait, and one more for each that is taken', () => {
    const backlog = createBacklog();
    expect([1, 2, 3].map(() => enter(backlog, 2))).toEqual([true, true, false]);
    leave(backlog);
    expect([1, 2].map(() => enter(backlog, 2))).toEqual([true, false]);
  });

  it('has no end with Infinity', () => {
    const backlog = createBacklog();
    for (let n = 0; n < 10_000; n += 1) expect(enter(backlog, Infinity)).toBe(true);
  });
});
