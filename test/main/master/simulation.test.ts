import { describe, expect, it } from 'vitest';
import { type DispatcherConfig } from '../../../src/main/listener/dispatcher.ts';
import { resolvePolicy, type PolicyOptions } from '../../../src/main/policy/config.ts';
import { type Dispatch, isReady, isSpare } from '../../../src/main/policy/state.ts';
import { generator, NO_FAULTS as NO_FAULTS_OF_THREADS } from '../policy/simulation.ts';
import { World, type WorldFaultRates } from './world.ts';
import { few } from '../../effort.ts';

const NO_FAULTS: WorldFaultRates = { ...NO_FAULTS_OF_THREADS, claimsSlowly: 0, leaves: 0 };
const FAULTS: WorldFaultRates = {
  failsToBoot: 0.1,
  neverReady: 0.05,
  crashes: 0.4,
  hangs: 0.2,
  ignoresRetirement: 0.1,
  cannotBeKilled: 0.1,
  claimsSlowly: 0.02,
  leaves: 0.05,
};

const POLICY: PolicyOptions = {
  startWorkers: 3,
  minWorkers: 3,
  maxWorkers: 8,
  minSpareWorkers: 1,
  maxSpareWorkers: 4,
  masterHeartbeat: 1_000,
  workerExpireTime: 3_000,
  graceTime: 2_000,
  bootTimeout: 2_000,
  killTimeout: 500,
  maxSessionsPerWorker: 3,
  maxServed: 50,
  maxLifetime: 30_000,
  maxSpareTime: 5_000,
  maxBootRetryDelay: 2_000,
};

/** Lets a connection wait now and then, and is fond of the last worker. */
const moody = (seed: number): Dispatch => {
  const random = generator(seed);
  return (_, workers) => (random() < 0.2 ? null : workers.at(-1)?.id);
};

function world(seed: number, faults: WorldFaultRates, more: PolicyOptions = {}): World {
  const policy = resolvePolicy({ ...POLICY, ...more });
  const dispatches: Dispatch[] = ['least-open', 'round-robin', 'least-busy', 'sticky-address', moody(seed)];
  const dispatcher: DispatcherConfig = {
    minWorkers: policy.minWorkers,
    maxSessionsPerWorker: policy.maxSessionsPerWorker,
    maxServed: policy.maxServed,
    servedJitter: policy.servedJitter,
    growUtilization: Infinity,
    dispatch: dispatches[seed % dispatches.length]!,
    maxConnections: 30,
    maxConnectionsPerAddress: Infinity,
    blockList: undefined,
    maxWaiting: 12,
    waitTimeout: 3_000,
    claimTimeout: 400,
    stealAfter: seed % 3 === 0 ? Infinity : 5,
  };
  return new World({ policy, dispatcher, seed, faults });
}

/** Faults under changing load, then neither faults nor load. */
function live(seed: number, more: PolicyOptions = {}): World {
  const made = world(seed, FAULTS, more);
  made.start();
  for (const every of [20, 200, 8, 40, 1_000, 15]) {
    made.traffic = { every, stay: 150 };
    for (const kind of ['asked', 'paused', 'broken', 'paused'] as const) {
      made.clock.advance(2_500);
      made.say(kind);
    }
    made.dispatcher.pause();
    made.clock.advance(3_200);
    made.dispatcher.resume();
    made.settle();
  }
  made.faults = NO_FAULTS;
  made.clock.advance(30_000);
  made.traffic = undefined;
  made.clock.advance(120_000);
  return made;
}

const statesOf = ({ clients }: World): Set<string> => new Set(clients.map(({ state }) => state));

describe.each(few([1, 2, 3, 4, 5, 11, 12, 13, 14, 15]))('under faults, seed %i', (seed) => {
  const made = live(seed);

  it('has had its share of them', () => {
    for (const what of ['crash', 'failed boot', 'killed silent', 'taken back', 'wait-timeout', 'left'])
      expect(made.tally[what], what).toBeGreaterThan(0);
    expect(made.tally['served']).toBeGreaterThan(500);
  });

  it('has served or refused everybody', () => {
    expect(statesOf(made)).not.toContain('nobody');
    expect(statesOf(made)).not.toContain('offered');
    expect(statesOf(made)).not.toContain('open');
    expect(made.clients.every(({ state, claims }) => claims === (state === 'served' ? 1 : 0))).toBe(true);
  });

  it('is back to size, with one timer', () => {
    const { workers, waiting } = made.master.state;
    const ready = workers.filter(isReady);
    expect(ready.length).toBeGreaterThanOrEqual(3);
    expect(ready.filter(isSpare).length).toBeGreaterThanOrEqual(1);
    expect(ready.length).toBeLessThanOrEqual(4);
    expect(waiting).toBe(0);
    expect(made.armed).toBe(1);
  });

  it('closes, and leaves no worker and no timer', () => {
    made.traffic = { every: 5, stay: 300 };
    made.clock.advance(100);
    made.dispatcher.close();
    made.master.tell({ kind: 'closing', grace: 1_000 });
    made.settle();
    made.clock.advance(1_100);
    expect(made.workers.size).toBe(0);
    made.master.stop();
    expect(made.armed).toBe(0);
    made.clock.advance(1_000);
    expect(made.clients.at(-1)?.state).toBe('closing');
    for (const unsettled of ['nobody', 'offered', 'open']) expect(statesOf(made)).not.toContain(unsettled);
  });
});

describe('the simulation', () => {
  it('has connections stolen from workers that are slow', () => {
    expect(live(1).tally['stolen']).toBeGreaterThan(20);
  });

  it('is the same for the same seed', () => {
    expect(live(7).tally).toEqual(live(7).tally);
  });

  it.each(few([21, 22, 23, 24, 25]))('brings workers up only on demand and down to none, seed %i', (seed) => {
    const made = live(seed, { startWorkers: 0, minWorkers: 0, minSpareWorkers: 0, maxSpareWorkers: 2 });
    expect(made.tally['served']).toBeGreaterThan(500);
    expect(made.workers.size).toBe(0);
    expect(made.armed).toBe(1);
    made.traffic = { every: 100, stay: 100 };
    made.clock.advance(3_000);
    expect(made.workers.size).toBeGreaterThan(0);
  });

  it.each(few([31, 32, 33]))('serves one by one with one worker of one session each, seed %i', (seed) => {
    const made = live(seed, {
      startWorkers: 1,
      minWorkers: 1,
      maxWorkers: 1,
      maxSpareWorkers: 2,
      maxSessionsPerWorker: 1,
      maxServed: 1,
    });
    expect(made.tally['served']).toBeGreaterThan(20);
    expect(made.master.state.workers.filter(isReady).length).toBe(1);
    expect(made.armed).toBe(1);
  });

  it.each(few([41, 42, 43, 44, 45]))('drops nobody when all is well, seed %i', (seed) => {
    const made = world(seed, NO_FAULTS);
    made.start();
    made.clock.advance(1_000);
    made.traffic = { every: 40, stay: 100 };
    made.clock.advance(60_000);
    made.traffic = undefined;
    made.clock.advance(2_000);
    expect([...statesOf(made)]).toEqual(['served']);
    expect(Object.keys(made.tally).filter((what) => what.startsWith('killed'))).toEqual([]);
    expect(made.tally['retired silent']).toBeUndefined();
  });

  it.each(few([51, 52, 53]))(
    'does not dip when maxLifetime is shortened below the age of all, seed %i',
    (seed) => {
      const made = world(seed, NO_FAULTS, { maxLifetime: 3_600_000 });
      made.start();
      made.traffic = { every: 40, stay: 100 };
      made.clock.advance(20_000);
      made.master.configure(resolvePolicy({ ...POLICY, maxLifetime: 2_000 }));
      made.settle();
      let fewest = Infinity;
      made.clock.afterFiring = () => {
        made.settle();
        fewest = Math.min(fewest, made.master.state.workers.filter(isReady).length);
      };
      made.clock.advance(10_000);
      expect(made.tally['retired aged']).toBeGreaterThan(6);
      expect(fewest).toBeGreaterThanOrEqual(3);
      expect(made.tally['killed aged']).toBeUndefined();
    },
  );
});
