import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MAX_WAIT } from '../../../src/common/core/check.ts';
import { SystemClock } from '../../../src/main/master/system-clock.ts';

let now = 0;

beforeEach(() => {
  now = 1_000.7;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('never calls before its time, though Node does', () => {
  const due = vi.fn();
  new SystemClock().callAt(1_010.2, due);
  now = 1_009.9;
  vi.advanceTimersByTime(10);
  expect(due).not.toHaveBeenCalled();
  now = 1_010.9;
  vi.advanceTimersByTime(1);
  expect(due).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

it('never calls at once, not even for the past', () => {
  const due = vi.fn();
  new SystemClock().callAt(5, due);
  expect(due).not.toHaveBeenCalled();
  vi.advanceTimersByTime(0);
  expect(due).toHaveBeenCalledOnce();
});

it('waits longer than a timer of Node can', () => {
  const due = vi.fn();
  new SystemClock().callAt(now + MAX_WAIT + 500, due);
  now += MAX_WAIT;
  vi.advanceTimersByTime(MAX_WAIT);
  expect(due).not.toHaveBeenCalled();
  now += 500;
  vi.advanceTimersByTime(500);
  expect(due).toHaveBeenCalledOnce();
});

it('is cancelled at any time, also twice, also after an early call', () => {
  const due = vi.fn();
  const cancel = new SystemClock().callAt(1_010.2, due);
  now = 1_009.9;
  vi.advanceTimersByTime(10);
  cancel();
  cancel();
  expect(vi.getTimerCount()).toBe(0);
  now = 2_000;
  vi.advanceTimersByTime(1_000);
  expect(due).not.toHaveBeenCalled();
});
