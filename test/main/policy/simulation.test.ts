import { describe, expect, it } from 'vitest';
import { capacityOf, REPLACEMENTS } from '../../../src/main/policy/births.ts';
import { type PolicyOptions } from '../../../src/main/policy/config.ts';
import { isUsedUp, spentWhy } from '../../../src/main/policy/limits.ts';
import { type Decision, isLive, isReady, openOf, type PoolState } from '../../../src/main/policy/state.ts';
import { config } from './pool.ts';
import { type FaultRates, NO_FAULTS, Simulation } from './simulation.ts';
import { few } from '../../effort.ts';

const MINUTE = 60_000;
const quick = {
  masterHeartbeat: 1000,
  workerExpireTime: 5000,
  graceTime: 3000,
  bootTimeout: 4000,
  killTimeout: 500,
};

/** How long a worker may be spent, or hang, before it must be gone: every other one may have to go before it. */
const patience = ({ config: rules }: Simulation): number =>
  rules.maxWorkers * (rules.graceTime + rules.killTimeout + rules.bootTimeout) +
  rules.workerExpireTime +
  MINUTE;

const isSpentReason = (decision: Decision): boolean =>
  decision.kind === 'retire' && ['aged', 'served', 'memory', 'utilization', 'reload'].includes(decision.why);

// Not `expect`: it is asked some million times.
function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Watches every plan of the run. */
function guard(run: Simulation): void {
  const spentSince = new Map<number, number>();
  run.onPlan = (before, decisions) => {
    const threads = before.workers.filter(({ stage }) => stage.phase !== 'zombie').length;
    const stuck = Math.max(0, before.workers.length - threads - run.config.maxZombies);
    must(threads + stuck <= run.config.maxWorkers + REPLACEMENTS, `${threads} threads at ${run.now}`);
    const staying = before.workers.filter(
      (each) => isLive(each) && spentWhy(each, before, run.config, run.now) === undefined,
    );
    must(staying.length <= run.config.maxWorkers, `${staying.length} workers at ${run.now}`);
    must(run.threads.size === before.workers.length, 'a thread without a record, or the reverse');
    must(
      before.workers.every(({ id }) => run.threads.has(id)),
      'a record without a thread',
    );
    if (decisions.length > 0) makesBeforeItBreaks(run, before, decisions);
    spentGo(run, before, spentSince);
    hungGo(run, before);
  };
}

function spentGo(run: Simulation, before: PoolState, since: Map<number, number>): void {
  const limit = patience(run);
  for (const each of before.workers) {
    const isSpent = spentWhy(each, before, run.config, run.now) !== undefined;
    if (!isSpent || each.stage.phase === 'zombie' || run.faults !== NO_FAULTS) since.delete(each.id);
    else if (!since.has(each.id)) since.set(each.id, run.now);
    must(run.now - (since.get(each.id) ?? run.now) < limit, `worker ${each.id} is spent for ever`);
  }
}

function hungGo({ threads, now, config: rules }: Simulation, before: PoolState): void {
  const limit = rules.workerExpireTime + rules.graceTime + rules.killTimeout + rules.bootTimeout;
  for (const { id, stage } of before.workers) {
    const since = threads.get(id)?.hungSince;
    if (since === undefined || stage.phase === 'zombie') continue;
    must(now - since < limit + 2 * rules.masterHeartbeat, `worker ${id} hangs for ever`);
  }
}

function makesBeforeItBreaks(
  { config: rules }: Simulation,
  before: PoolState,
  decisions: readonly Decision[],
): void {
  const gone = new Set(decisions.map(({ id }) => id));
  const cut = before.workers.some(
    (each) =>
      isReady(each) &&
      !isUsedUp(each, rules) &&
      decisions.some((decision) => decision.id === each.id && isSpentReason(decision)),
  );
  if (!cut) return;
  const accepting = before.workers.filter(
    (each) => isReady(each) && !gone.has(each.id) && !isUsedUp(each, rules),
  );
  must(
    accepting.length >= Math.min(rules.minWorkers, Math.max(1, capacityOf(before, rules))),
    `only ${accepting.length} accept at ${JSON.stringify(decisions)}`,
  );
}

const MANY_FAULTS: FaultRates = {
  failsToBoot: 0.2,
  neverReady: 0.05,
  crashes: 0.3,
  hangs: 0.3,
  ignoresRetirement: 0.2,
  cannotBeKilled: 0.1,
};

const POOLS: readonly (readonly [string, PolicyOptions])[] = [
  ['defaults', {}],
  ['no minimum', { startWorkers: 0, maxSpareTime: 2000 }],
  ['one worker', { maxWorkers: 1, maxLifetime: 20_000 }],
  ['always full', { minWorkers: 4, startWorkers: 4, maxWorkers: 4, maxLifetime: 20_000, maxServed: 40 }],
  ['all spare', { startWorkers: 2, minSpareWorkers: 6, maxWorkers: 6, maxLifetime: 15_000 }],
  [
    'short lives',
    { startWorkers: 3, maxWorkers: 10, maxLifetime: 10_000, maxSpareTime: 3000, maxServed: 30 },
  ],
  ['one session each', { startWorkers: 2, maxWorkers: 8, maxSessionsPerWorker: 1, maxServed: 5 }],
  ['one connection each', { startWorkers: 2, maxWorkers: 5, maxServed: 1 }],
  ['greedy', { startWorkers: 3, maxWorkers: 5, maxHeap: 100, servedJitter: 0.5, maxServed: 100 }],
  ['fixed', { workers: 4, maxLifetime: 20_000, maxServed: 40 }],
  ['fixed, of one', { workers: 1, maxLifetime: 10_000 }],
  ['a range', { workers: '1..6', maxLifetime: 20_000 }],
  ['one more than all spare', { startWorkers: 3, maxWorkers: 4, maxLifetime: 10_000 }],
  ['few spare', { startWorkers: 8, minWorkers: 1, minSpareWorkers: 1, maxSpareWorkers: 2, maxWorkers: 12 }],
];
const SEEDS = few([1, 2, 7]);

describe.each(POOLS)('a pool under faults: %s', (_, options) => {
  it.each(SEEDS)('keeps its bounds and is back to size when it ends (seed %i)', (seed) => {
    const rules = config({ ...quick, ...options });
    const run = new Simulation(rules, seed);
    guard(run);
    run.faults = MANY_FAULTS;
    run.traffic = { every: 250, stay: 800 };
    run.runTo(0.75 * MINUTE);
    run.tell({ kind: 'reload' });
    run.runTo(1.5 * MINUTE);
    run.faults = NO_FAULTS;
    run.runTo(2 * MINUTE);
    run.tell({ kind: 'reload' });
    run.runTo(3 * MINUTE);
    const old = run.state.workers.filter(({ generation }) => generation !== run.state.generation);
    expect(old.filter(({ stage }) => stage.phase !== 'zombie')).toEqual([]);
    run.traffic = undefined;
    run.runTo(5 * MINUTE);
    const live = run.state.workers.filter(isLive);
    const least = Math.max(rules.minWorkers, rules.minSpareWorkers);
    expect(run.waiting).toBe(0);
    expect(run.state.workers.every((each) => openOf(each) === 0)).toBe(true);
    // All that was born for the load has been spare for `maxSpareTime`.
    const staying = live.filter((each) => spentWhy(each, run.state, rules, run.now) === undefined);
    expect(staying).toHaveLength(least);
    expect(run.served).toBeGreaterThan(100);
  });
});

describe('a pool without faults', () => {
  it('grows under load, shrinks after it, and grows again', () => {
    const rules = config({
      ...quick,
      startWorkers: 1,
      maxSpareWorkers: 2,
      maxWorkers: 8,
      maxSessionsPerWorker: 2,
    });
    const run = new Simulation(rules, 5);
    guard(run);
    for (let times = 1; times <= 3; times++) {
      run.traffic = { every: 50, stay: 2000 };
      run.runTo(run.now + 20_000);
      expect(run.state.workers).toHaveLength(8);
      run.traffic = undefined;
      run.runTo(run.now + 20_000);
      expect(run.state.workers).toHaveLength(2);
    }
  });

  it('of a range grows while its event loops are busy, and shrinks when they rest', () => {
    const run = new Simulation(config({ ...quick, workers: '2..8', maxSpareTime: 5000 }), 5);
    guard(run);
    // Connections alone ask for nothing.
    run.traffic = { every: 50, stay: 2000 };
    run.runTo(20_000);
    expect(run.state.workers).toHaveLength(2);
    for (let times = 1; times <= 3; times++) {
      run.loadOfEach = 0.1;
      run.runTo(run.now + 30_000);
      expect(run.state.workers.length).toBeGreaterThan(4);
      run.loadOfEach = 0;
      run.traffic = { every: 1000, stay: 100 };
      run.runTo(run.now + 30_000);
      expect(run.state.workers).toHaveLength(2);
      run.traffic = { every: 50, stay: 2000 };
    }
  });

  it.each(['least-open', 'round-robin', 'least-busy'] as const)(
    'of a range shrinks under a trickle of connections, by %s too',
    (dispatch) => {
      const run = new Simulation(config({ ...quick, workers: '2..8', maxSpareTime: 5000 }), 5);
      guard(run);
      run.dispatch = dispatch;
      run.loadOfEach = 0.1;
      run.traffic = { every: 50, stay: 2000 };
      run.runTo(30_000);
      expect(run.state.workers.length).toBeGreaterThan(4);
      run.loadOfEach = 0;
      run.traffic = { every: 100, stay: 20 };
      run.runTo(run.now + 30_000);
      expect(run.state.workers).toHaveLength(2);
    },
  );

  it('of a range under load keeps its size over a reload', () => {
    const run = new Simulation(config({ ...quick, workers: '1..6' }), 5);
    guard(run);
    run.loadOfEach = 0.1;
    run.traffic = { every: 50, stay: 1500 };
    run.runTo(30_000);
    const size = run.state.workers.filter(isReady).length;
    expect(size).toBeGreaterThan(3);
    run.tell({ kind: 'reload' });
    let fewest = Infinity;
    run.onPlan = (before) => (fewest = Math.min(fewest, before.workers.filter(isReady).length));
    run.runTo(60_000);
    expect(run.state.workers.every(({ generation }) => generation === 2)).toBe(true);
    expect(fewest).toBeGreaterThanOrEqual(size - 2);
  });

  it('shrinks under light traffic too', () => {
    const run = new Simulation(config({ ...quick, startWorkers: 2, maxWorkers: 12 }), 5);
    guard(run);
    run.traffic = { every: 100, stay: 2000 };
    run.runTo(20_000);
    expect(run.state.workers).toHaveLength(12);
    // More seldom than one worker would take, but never a minute without any.
    run.traffic = { every: 1000, stay: 200 };
    run.runTo(3 * MINUTE);
    expect(run.state.workers.length).toBeLessThan(7);
  });

  it('that is full and serves for long is replaced one by one, with nobody missing', () => {
    const run = new Simulation(config({ ...quick, workers: 4 }), 5);
    guard(run);
    run.traffic = { every: 50, stay: 1e9 };
    run.runTo(10_000);
    run.tell({ kind: 'reload' });
    run.onPlan = (before) => {
      must(before.workers.filter(isReady).length >= 4, `somebody is missing at ${run.now}`);
      must(before.workers.length <= 5, `${before.workers.length} threads at ${run.now}`);
    };
    run.runTo(MINUTE);
    expect(run.state.workers.map(({ generation }) => generation)).toEqual([2, 2, 2, 2]);
  });

  it('with no minimum starts with nobody, serves what comes, and returns to nobody', () => {
    const run = new Simulation(config({ ...quick, startWorkers: 0, maxSpareTime: 500 }), 5);
    guard(run);
    run.runTo(10_000);
    expect(run.state.workers).toEqual([]);
    run.traffic = { every: 2000, stay: 100 };
    run.runTo(60_000);
    run.traffic = undefined;
    run.runTo(70_000);
    expect(run.served).toBeGreaterThan(10);
    expect(run.state.workers).toEqual([]);
  });

  it('decides nothing in an idle hour', () => {
    const run = new Simulation(config(), 1);
    run.runTo(1000);
    const decided: Decision[] = [];
    run.onPlan = (_, decisions) => decided.push(...decisions);
    run.runTo(3_600_000);
    expect(decided).toEqual([]);
    expect(run.wakes).toBeLessThan(800);
  });

  it('an hour of suspend expires nobody', () => {
    const run = new Simulation(config({ ...quick, maxSpareTime: 30_000 }), 1);
    run.traffic = { every: 100, stay: 500 };
    run.runTo(20_300);
    const ids = run.state.workers.map(({ id }) => id);
    run.suspend(3_600_000);
    run.runTo(run.now + 5000);
    expect(run.state.workers.map(({ id }) => id)).toEqual(ids);
  });

  it('an aged pool never has fewer ready than its minimum', () => {
    for (const seed of SEEDS) {
      const rules = config({
        ...quick,
        startWorkers: 4,
        maxWorkers: 5,
        maxLifetime: 5000,
        lifetimeJitter: 0,
      });
      const run = new Simulation(rules, seed);
      run.runTo(1000);
      run.onPlan = (before) => {
        expect(before.workers.filter(isReady).length).toBeGreaterThanOrEqual(4);
      };
      run.runTo(2 * MINUTE);
      expect(run.state.nextId).toBeGreaterThan(40);
    }
  });

  it('closing leaves nobody, whatever hangs', () => {
    for (const seed of SEEDS) {
      const run = new Simulation(config(quick), seed);
      run.faults = { ...MANY_FAULTS, cannotBeKilled: 0 };
      run.traffic = { every: 50, stay: 5000 };
      run.runTo(30_000);
      run.tell({ kind: 'closing', grace: 2000 });
      run.replan();
      run.runTo(33_000);
      expect(run.state.workers).toEqual([]);
    }
  });

  it('with a module that never boots asks ever more seldom, one at a time', () => {
    const run = new Simulation(config({ ...quick, maxBootRetryDelay: 5000 }), 3);
    run.runTo(5000);
    run.faults = { ...NO_FAULTS, failsToBoot: 1 };
    run.tell({ kind: 'reload' });
    run.runTo(MINUTE);
    run.onPlan = (before) => {
      expect(before.workers.filter((each) => !isReady(each) && isLive(each)).length).toBeLessThanOrEqual(1);
    };
    const before = run.state.nextId;
    run.runTo(2 * MINUTE);
    expect(run.state.workers.filter(isReady)).toHaveLength(5);
    expect(run.state.nextId - before).toBeGreaterThan(10);
    expect(run.state.nextId - before).toBeLessThan(30);
    run.faults = NO_FAULTS;
    run.onPlan = () => undefined;
    run.runTo(2 * MINUTE + 6000);
    const { generation } = run.state;
    expect(run.state.workers.filter((each) => each.generation === generation && isReady(each))).toHaveLength(
      5,
    );
    expect(run.state.workers).toHaveLength(5);
  });

  it('a lowered maxWorkers is reached beside clients that stay, when their grace is over', () => {
    const run = new Simulation(config({ ...quick, startWorkers: 8, maxWorkers: 8 }), 3);
    run.traffic = { every: 20, stay: 1e9 };
    run.runTo(5000);
    run.config = config({ ...quick, startWorkers: 2, maxWorkers: 2 });
    const births: Decision[] = [];
    run.onPlan = (_, decisions) => births.push(...decisions.filter(({ kind }) => kind === 'spawn'));
    run.tell({ kind: 'waiting', count: 0 });
    run.replan();
    expect(run.state.workers.filter(isLive)).toHaveLength(2);
    expect(run.state.workers).toHaveLength(8);
    run.runTo(5000 + quick.graceTime - 1);
    expect(run.state.workers).toHaveLength(8);
    run.runTo(5000 + quick.graceTime + 3000);
    expect(run.state.workers).toHaveLength(2);
    expect(births).toEqual([]);
  });

  it('lowered and raised maxWorkers take effect without cutting a client', () => {
    const run = new Simulation(config({ ...quick, startWorkers: 8, maxWorkers: 12 }), 3);
    run.runTo(5000);
    run.config = config({ ...quick, startWorkers: 2, maxWorkers: 3 });
    run.runTo(10_000);
    expect(run.state.workers).toHaveLength(3);
    run.config = config({ ...quick, startWorkers: 6, maxWorkers: 12 });
    run.runTo(15_000);
    expect(run.state.workers).toHaveLength(6);
  });
});
