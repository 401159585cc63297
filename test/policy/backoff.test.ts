import { describe, expect, it } from 'vitest';
import { failed, NO_BACKOFF } from '../../src/policy/backoff.ts';

const config = { bootRetryDelay: 100, maxBootRetryDelay: 1000 };

describe('failed', () => {
  it('doubles the delay with each failure in a row, up to the longest', () => {
    let backoff = NO_BACKOFF;
    const delays: number[] = [];
    let now = 0;
    for (let times = 0; times < 6; times++) {
      backoff = failed(backoff, config, now, 0);
      delays.push(backoff.until - now);
      now = backoff.until;
    }
    expect(delays).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(backoff.failures).toBe(6);
  });

  it('takes up to a half away by luck', () => {
    expect(failed(NO_BACKOFF, config, 50, 0.5).until).toBe(125);
  });

  it('counts workers that fail together once', () => {
    const first = failed(NO_BACKOFF, config, 0, 0);
    expect(failed(first, config, 99, 0)).toBe(first);
    expect(failed(first, config, 100, 0).failures).toBe(2);
  });

  it('stays finite for ever', () => {
    expect(failed({ failures: 5000, until: 0 }, config, 7, 0).until).toBe(1007);
  });
});
