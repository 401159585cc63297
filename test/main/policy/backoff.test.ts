import { describe, expect, it } from 'vitest';
import { backoffOf, failed, forgivenAt } from '../../../src/main/policy/backoff.ts';
import { plan } from '../../../src/main/policy/plan.ts';
import { config as policy, draining, pool, starting, worker } from './pool.ts';
import { NO_BACKOFF } from '../../../src/main/policy/state.ts';

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
    expect(failed({ failures: 5000, until: 0, young: false }, config, 7, 0).until).toBe(1007);
  });
});

describe('a death soon after the boot', () => {
  const young = { failures: 2, until: 1_000, young: true };
  const rules = policy({ minUptime: 5_000, startWorkers: 2 });
  const since = (at: number): Partial<ReturnType<typeof worker>> => ({
    stage: { phase: 'ready', since: at },
  });

  it.each([
    ['by nobody', [], Infinity],
    ['by no worker that is starting or leaving', [worker(1, starting()), worker(2, draining())], Infinity],
    ['by a new one, once it has stood', [worker(1, since(1_200))], 6_200],
    ['by the first of several', [worker(1, since(1_300)), worker(2, since(1_200))], 6_200],
    ['by an old one, but not before the retry had its time', [worker(1, since(0))], 6_000],
  ])('is forgiven %s', (_, workers, at) => {
    const state = pool(workers, { backoff: young });
    expect(forgivenAt(state, rules)).toBe(at);
    if (at === Infinity) return;
    expect(backoffOf(state, rules, at - 1)).toBe(young);
    expect(backoffOf(state, rules, at)).toBe(NO_BACKOFF);
    expect(plan(state, rules, at - 1).wakeAt).toBe(at);
  });

  it('lets one worker boot at a time until then', () => {
    const births = (now: number): number =>
      plan(pool([], { backoff: young }), rules, now).decisions.filter(({ kind }) => kind === 'spawn').length;
    expect([births(999), births(1_000)]).toEqual([0, 1]);
    const proven = pool([worker(1, since(0))], { backoff: young });
    const wide = policy({ minUptime: 5_000, startWorkers: 4, maxWorkers: 9 });
    const many = (now: number): number => plan(proven, wide, now).decisions.length;
    expect([many(5_999), many(6_000)]).toEqual([1, 3]);
  });
});
