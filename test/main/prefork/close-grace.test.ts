import { describe, expect, it } from 'vitest';
import { closeGrace } from '../../../src/main/prefork/close-grace.ts';
import { resolveOptions } from '../../../src/main/prefork/resolve-options.ts';
import { type PreforkOptions } from '../../../src/main/prefork/option-types.ts';

const graceOf = (options: PreforkOptions, grace?: number): number =>
  closeGrace(resolveOptions('data:text/javascript,', options), grace);

describe('the grace of close()', () => {
  it.each<[string, PreforkOptions, number | undefined, number]>([
    ['ends before Kubernetes kills', {}, undefined, 25_000],
    ['is the graceTime that was given', { graceTime: 60_000 }, undefined, 60_000],
    ['is no longer than the default graceTime', { workerExpireTime: 2_000 }, undefined, 2_000],
    ['is 25 s where a worker may be silent for longer', { workerExpireTime: 90_000 }, undefined, 25_000],
    ['is what is asked for', { graceTime: 60_000 }, 0, 0],
    ['is none with shutdownWorkers', { shutdownWorkers: true }, 5_000, 0],
  ])('%s', (_name, options, grace, expected) => {
    expect(graceOf(options, grace)).toBe(expected);
  });

  it('refuses what is no time', () => {
    expect(() => graceOf({}, -1)).toThrow(expect.objectContaining({ code: 'FORKLESS_BAD_OPTION' }));
  });
});
