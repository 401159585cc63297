import { describe, expect, it } from 'vitest';
import { cutCauses } from '../../../src/worker/thread/tame-crash.ts';

/** How many causes stand behind it, up to 1 000. */
function depth(error: unknown): number {
  let levels = 0;
  for (let at = error; at instanceof Error && at.cause !== undefined && levels < 1_000; at = at.cause)
    levels += 1;
  return levels;
}

const chain = (length: number): Error => {
  let error = new Error('first');
  for (let level = 0; level < length; level += 1) error = new Error('next', { cause: error });
  return error;
};

describe('the causes of what a thread crashes by', () => {
  it.each([0, 1, 50, 99])('stay as they are: %i of them', (length) => {
    const error = chain(length);
    cutCauses(error);
    expect(depth(error)).toBe(length);
  });

  it('are cut where there are too many', () => {
    const error = chain(500);
    cutCauses(error);
    expect(depth(error)).toBe(100);
  });

  it.each([1, 2, 3])('are cut where they lead back, after %i', (length) => {
    const ring = Array.from({ length }, () => new Error('of a ring'));
    ring.forEach((error, at) => (error.cause = ring[(at + 1) % length]));
    cutCauses(ring[0]);
    expect(depth(ring[0])).toBe(length - 1);
  });

  it('may be anything', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const odd of [undefined, null, 'text', Symbol('s'), proxy, new Error('x', { cause: proxy })])
      cutCauses(odd);
    const frozen = new Error('frozen');
    frozen.cause = frozen;
    cutCauses(Object.freeze(frozen));
    expect(frozen.cause).toBe(frozen);
  });
});
