import { describe, expect, it } from 'vitest';
import {
  paceOf,
  POLICY_OPTIONS,
  type PolicyConfig,
  type PolicyOptions,
  resolvePolicy,
} from '../../../src/main/policy/config.ts';

describe('paceOf', () => {
  it.each<[string, PolicyOptions, ReturnType<typeof paceOf>]>([
    ['by default', {}, { every: 5_000, atRest: 50_000 / 3 }],
    ['no expiry', { workerExpireTime: Infinity }, { every: 5_000, atRest: 50_000 / 3 }],
    ['an early expiry', { workerExpireTime: 3_000 }, { every: 1_000, atRest: 1_000 }],
    ['rarer than its third', { workerHeartbeat: 40, workerExpireTime: 60 }, { every: 40, atRest: 40 }],
    [
      'longer than a timer can wait',
      { masterHeartbeat: 2e9, workerHeartbeat: 100 },
      { every: 100, atRest: 2 ** 31 - 1 },
    ],
    ['seldom in any case', { workerHeartbeat: 30_000 }, { every: 30_000, atRest: 30_000 }],
  ])('%s', (_, options, expected) => {
    expect(paceOf(resolvePolicy(options))).toEqual(expected);
  });
});

describe('resolvePolicy', () => {
  it('has the defaults of the ancestor, but for maxSpareTime', () => {
    expect(resolvePolicy({})).toEqual({
      startWorkers: 5,
      minWorkers: 5,
      maxWorkers: 20,
      minSpareWorkers: 5,
      maxSpareWorkers: 15,
      growUtilization: Infinity,
      masterHeartbeat: 10_000,
      workerHeartbeat: 5_000,
      maxSessionsPerWorker: Infinity,
      workerExpireTime: 50_000,
      graceTime: 50_000,
      bootTimeout: 30_000,
      killTimeout: 2_000,
      maxSpareTime: 60_000,
      maxLifetime: Infinity,
      lifetimeJitter: 0.1,
      maxServed: Infinity,
      servedJitter: 0,
      maxHeap: Infinity,
      maxExternal: Infinity,
      memoryJitter: 0.1,
      maxUtilization: Infinity,
      maxZombies: 4,
      bootRetryDelay: 100,
      maxBootRetryDelay: 30_000,
      minUptime: 5_000,
    } satisfies PolicyConfig);
  });

  it('names every option it reads', () => {
    const { growUtilization, ...config } = resolvePolicy({});
    expect(growUtilization).toBe(Infinity);
    expect([...POLICY_OPTIONS].sort()).toEqual([...Object.keys(config), 'workers'].sort());
  });

  it.each<[string, PolicyOptions, Partial<PolicyConfig>]>([
    [
      'maxWorkers clamps the defaults',
      { maxWorkers: 3 },
      { startWorkers: 3, minWorkers: 3, minSpareWorkers: 3 },
    ],
    [
      'minima follow startWorkers',
      { startWorkers: 7 },
      { minWorkers: 7, minSpareWorkers: 7, maxSpareWorkers: 13 },
    ],
    ['minSpare follows min', { minWorkers: 2 }, { startWorkers: 5, minSpareWorkers: 2, maxSpareWorkers: 18 }],
    ['maxSpare is above minSpare', { maxWorkers: 8 }, { minSpareWorkers: 5, maxSpareWorkers: 6 }],
    ['maxSpare for one worker', { maxWorkers: 1 }, { maxSpareWorkers: 2 }],
    [
      '0 is a value, not a default',
      { startWorkers: 0 },
      { minWorkers: 0, minSpareWorkers: 0, maxSpareWorkers: 20 },
    ],
    ['no zombies', { maxZombies: 0 }, { maxZombies: 0 }],
    [
      'heartbeats',
      { masterHeartbeat: 1000 },
      { workerHeartbeat: 500, workerExpireTime: 5000, graceTime: 5000 },
    ],
    ['grace follows expiry', { workerExpireTime: 9000 }, { graceTime: 9000, workerHeartbeat: 3000 }],
    ['no expiry', { workerExpireTime: Infinity }, { graceTime: Infinity, workerHeartbeat: 5000 }],
    ['maxBootRetryDelay is at least the first', { bootRetryDelay: 60_000 }, { maxBootRetryDelay: 60_000 }],
    [
      'undefined is the default',
      { maxServed: undefined, maxWorkers: undefined },
      { maxServed: Infinity, maxWorkers: 20 },
    ],
    ['longer than a timer can wait', { maxLifetime: 2_592_000_000 }, { maxLifetime: 2_592_000_000 }],
    ['a whole loop', { maxUtilization: 1 }, { maxUtilization: 1 }],
  ])('%s', (_, options, expected) => {
    expect(resolvePolicy(options)).toMatchObject(expected);
  });

  it.each<[PolicyOptions, string]>([
    [{ maxWorkers: 0 }, 'Expected `maxWorkers` to be an integer from 1 to 1024, got 0'],
    [{ maxWorkers: 1025 }, 'Expected `maxWorkers` to be an integer from 1 to 1024, got 1025'],
    [{ maxWorkers: Infinity }, '`maxWorkers`'],
    [{ startWorkers: 21 }, 'Expected `startWorkers` to be an integer from 0 to `maxWorkers` (20), got 21'],
    [{ startWorkers: -3 }, '`startWorkers`'],
    [{ minWorkers: 6, maxWorkers: 5 }, '`minWorkers` to be an integer from 0 to `maxWorkers` (5), got 6'],
    [{ minSpareWorkers: 6, maxWorkers: 5 }, '`minSpareWorkers`'],
    [{ minWorkers: 1.5 }, '`minWorkers`'],
    [{ maxSpareWorkers: 5 }, 'Expected `maxSpareWorkers` to be more than `minSpareWorkers` (5), got 5'],
    [{ maxSpareWorkers: 0, minSpareWorkers: 0 }, '`maxSpareWorkers`'],
    [
      { workerHeartbeat: 6000, workerExpireTime: 2000 },
      '`workerHeartbeat` to be less than `workerExpireTime` (2000), got 6000',
    ],
    [{ workerHeartbeat: 2000, workerExpireTime: 2000 }, '`workerHeartbeat`'],
    [{ masterHeartbeat: 0 }, '`masterHeartbeat`'],
    [{ masterHeartbeat: Infinity }, '`masterHeartbeat`'],
    [{ killTimeout: Infinity }, '`killTimeout`'],
    [{ graceTime: 0 }, '`graceTime` to be milliseconds of at least 1, or Infinity, got 0'],
    [{ maxSpareTime: 0 }, '`maxSpareTime`'],
    [{ maxLifetime: NaN }, '`maxLifetime`'],
    [{ maxServed: 0 }, '`maxServed`'],
    [{ maxSessionsPerWorker: 0 }, '`maxSessionsPerWorker`'],
    [{ lifetimeJitter: 1.1 }, '`lifetimeJitter`'],
    [{ servedJitter: -0.1 }, '`servedJitter`'],
    [{ maxHeap: 0 }, '`maxHeap`'],
    [{ maxExternal: 0.5 }, '`maxExternal`'],
    [{ maxUtilization: 0 }, '`maxUtilization`'],
    [{ maxUtilization: 2 }, '`maxUtilization`'],
    [{ maxZombies: -1 }, '`maxZombies`'],
    [{ bootRetryDelay: 0 }, '`bootRetryDelay`'],
    [
      { bootRetryDelay: 500, maxBootRetryDelay: 400 },
      '`maxBootRetryDelay` to be at least `bootRetryDelay` (500), got 400',
    ],
  ])('refuses %j', (options, message) => {
    expect(() => resolvePolicy(options)).toThrow(message);
  });

  it('refuses what is no number, null included', () => {
    for (const name of POLICY_OPTIONS.filter((each) => each !== 'workers')) {
      for (const value of [null, '5', {}, NaN]) {
        const options: PolicyOptions = Object.fromEntries([[name, value]]);
        expect(() => resolvePolicy(options), name).toThrow(`\`${name}\``);
      }
    }
  });

  it('every maxWorkers has consistent defaults', () => {
    for (let maxWorkers = 1; maxWorkers <= 1024; maxWorkers++) {
      const made = resolvePolicy({ maxWorkers });
      expect(made.minWorkers).toBeLessThanOrEqual(maxWorkers);
      expect(made.maxSpareWorkers).toBeGreaterThan(made.minSpareWorkers);
      expect(resolvePolicy(made)).toEqual(made);
    }
  });
});
