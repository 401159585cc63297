import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Registry } from '../../../src/common/core/registry.ts';

type Step = ['set', number, { n: number }] | ['delete', number] | ['clear'];

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constant('set' as const), fc.nat(6), fc.record({ n: fc.nat() })) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('delete' as const), fc.nat(6)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('clear' as const)) },
  ),
  { maxLength: 60 },
);

describe('a registry', () => {
  it('holds what a Map would, in the order in which it came last', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const registry = new Registry<number, { n: number }>();
        const map = new Map<number, { n: number }>();
        for (const [kind, key = 0, value = { n: 0 }] of all) {
          if (kind === 'clear') map.clear();
          else if (kind === 'set') {
            map.delete(key);
            map.set(key, value);
          } else expect(registry.has(key)).toBe(map.delete(key));
          if (kind === 'clear') registry.clear();
          else if (kind === 'set') registry.set(key, value);
          else registry.delete(key);
          expect([...registry.values()]).toEqual([...map.values()]);
          expect([registry.size, registry.first]).toEqual([map.size, map.values().next().value]);
        }
        for (let key = 0; key < 7; key += 1)
          expect([registry.get(key), registry.has(key)]).toEqual([map.get(key), map.has(key)]);
      }),
    );
  });

  it('says whether there was something to delete', () => {
    const registry = new Registry<string, object>();
    registry.set('a', {});
    expect([registry.delete('a'), registry.delete('a')]).toEqual([true, false]);
  });

  it('may lose entries while somebody walks it', () => {
    const registry = new Registry<number, { n: number }>();
    for (let n = 0; n < 4; n += 1) registry.set(n, { n });
    const seen: number[] = [];
    for (const { n } of registry.values()) {
      seen.push(n);
      registry.delete(n);
      registry.delete(n + 1);
    }
    expect([seen, registry.size]).toEqual([[0, 2], 0]);
  });
});
