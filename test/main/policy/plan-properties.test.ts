import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capacityOf, REPLACEMENTS, roomOf } from '../../../src/main/policy/births.ts';
import { type PolicyConfig, type PolicyOptions, resolvePolicy } from '../../../src/main/policy/config.ts';
import { evolve } from '../../../src/main/policy/evolve.ts';
import { isUsedUp, spentWhy } from '../../../src/main/policy/limits.ts';
import { plan } from '../../../src/main/policy/plan.ts';
import {
  type Decision,
  isLive,
  isReady,
  openOf,
  type PoolState,
  type Stage,
  type WorkerRecord,
} from '../../../src/main/policy/state.ts';
import { pool, settle, worker } from './pool.ts';
import { tries } from '../../effort.ts';

const NOW = 1000;
const time = fc.integer({ min: 0, max: NOW });
const few = fc.constantFrom(0, 0, 0, 1, 2, 5);
const seldom = fc.integer({ min: 0, max: 7 }).map((drawn) => drawn === 0);
const span = fc.constantFrom(50, 200, 500, 900, Infinity);

const stage: fc.Arbitrary<Stage> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ phase: fc.constant('ready' as const), since: time }) },
  {
    weight: 2,
    arbitrary: fc.record({ phase: fc.constant('starting' as const), since: time, launched: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      phase: fc.constantFrom('draining' as const, 'killing' as const, 'zombie' as const),
      since: time,
      why: fc.constantFrom('aged' as const, 'asked' as const),
    }),
  },
);

const record = fc
  .record({
    generation: fc.constantFrom(1, 2, 2, 2),
    stage,
    bornAt: time,
    luck: fc.constantFrom(0, 0.3, 0.99),
    claimed: few,
    owed: few,
    served: fc.integer({ min: 0, max: 6 }),
    lastActivity: time,
    lastOffer: fc.nat(9),
    lastBeat: time,
    paused: seldom,
    suspect: seldom,
    asked: seldom,
    broken: seldom,
    debugged: seldom,
    look: fc.option(fc.record({ since: time, clear: fc.boolean() }), { nil: undefined }),
    beat: fc.option(
      fc.record({
        open: few,
        served: few,
        utilization: fc.constantFrom(0, 0.5, 1),
        heap: fc.nat(200),
        external: fc.nat(200),
      }),
      { nil: undefined },
    ),
  })
  .map((more): Partial<WorkerRecord> => more);

const state: fc.Arbitrary<PoolState> = fc
  .record({
    records: fc.array(record, { maxLength: 10 }),
    generation: fc.constantFrom(2, 2, 3),
    toStart: few,
    waiting: few,
    backoff: fc.record({
      failures: fc.constantFrom(0, 0, 1, 3),
      until: fc.constantFrom(0, 999, 1000, 1001),
      young: fc.boolean(),
    }),
    closing: fc.constantFrom(undefined, undefined, undefined, { until: 1100 }, { until: 999 }),
  })
  .map(({ records, ...more }) =>
    pool(
      records.map((each, index) => worker(index + 1, each)),
      { ...more, lastGeneration: 3 },
    ),
  );

const rules: fc.Arbitrary<PolicyConfig> = fc
  .record({
    maxWorkers: fc.integer({ min: 1, max: 12 }),
    min: fc.nat(12),
    minSpare: fc.nat(12),
    above: fc.integer({ min: 1, max: 4 }),
    times: fc.record({
      masterHeartbeat: fc.constantFrom(100, 1000),
      workerExpireTime: span,
      graceTime: span,
      bootTimeout: span,
      killTimeout: fc.constantFrom(50, 500),
      maxSpareTime: span,
      maxLifetime: span,
    }),
    counts: fc.record({
      maxServed: fc.constantFrom(1, 4, Infinity),
      maxSessionsPerWorker: fc.constantFrom(1, 3, Infinity),
      servedJitter: fc.constantFrom(0, 0.5),
      maxHeap: fc.constantFrom(100, Infinity),
      maxUtilization: fc.constantFrom(0.8, Infinity),
      maxZombies: fc.nat(2),
    }),
    growUtilization: fc.constantFrom(Infinity, 0.4, 0.8),
  })
  .map(({ maxWorkers, min, minSpare, above, times, counts, growUtilization }): PolicyConfig => {
    const minSpareWorkers = Math.min(minSpare, maxWorkers);
    const minWorkers = Math.min(min, maxWorkers);
    const options: PolicyOptions = {
      maxWorkers,
      minWorkers,
      minSpareWorkers,
      maxSpareWorkers: minSpareWorkers + above,
      ...times,
      ...counts,
    };
    return { ...resolvePolicy(options), growUtilization };
  });

const always = (check: (before: PoolState, config: PolicyConfig) => void): void => {
  fc.assert(fc.property(state, rules, check), { numRuns: tries(1000) });
};

const ids = (decisions: readonly Decision[], kind: Decision['kind']) =>
  decisions.filter((each) => each.kind === kind).map(({ id }) => id);
const threads = (each: PoolState) => each.workers.filter(({ stage: { phase } }) => phase !== 'zombie').length;
const unspent = (each: PoolState, config: PolicyConfig) =>
  each.workers.filter((one) => isLive(one) && spentWhy(one, each, config, NOW) === undefined);
const spentReasons: readonly string[] = ['aged', 'served', 'memory', 'utilization', 'reload'];

describe('plan, whatever the state, the options and the time', () => {
  it('settles within a few rounds', () => {
    always((before, config) => {
      expect(settle(before, config, NOW).rounds).toBeLessThanOrEqual(4);
    });
  });

  it('does not flap: no newborn is retired again at the same instant', () => {
    always((before, config) => {
      const { decisions } = settle(before, config, NOW);
      const born = ids(decisions, 'spawn');
      expect(decisions.filter(({ kind, id }) => kind !== 'spawn' && born.includes(id))).toEqual([]);
    });
  });

  it('is capped: births find room among maxWorkers, and one place more beside who is spent or leaves', () => {
    always((before, config) => {
      const { state: settled, decisions } = settle(before, config, NOW);
      const most = config.maxWorkers + REPLACEMENTS;
      expect(threads(settled)).toBeLessThanOrEqual(Math.max(threads(before), most));
      if (ids(decisions, 'spawn').length === 0) return;
      expect(threads(settled)).toBeLessThanOrEqual(capacityOf(settled, config) + REPLACEMENTS);
      expect(unspent(settled, config).length).toBeLessThanOrEqual(capacityOf(settled, config));
    });
  });

  it('reaches a lowered maxWorkers: no more stay than that, but those that still start', () => {
    always((before, config) => {
      const { state: settled } = settle(before, config, NOW);
      const staying = unspent(settled, config);
      const starting = staying.filter((each) => !isReady(each)).length;
      expect(staying.length).toBeLessThanOrEqual(Math.max(config.maxWorkers, config.minWorkers + starting));
    });
  });

  it('does not spin: once settled it wakes later, and not later than a heartbeat', () => {
    always((before, config) => {
      const { wakeAt } = settle(before, config, NOW);
      expect(wakeAt).toBeGreaterThan(NOW);
      expect(wakeAt).toBeLessThanOrEqual(NOW + config.masterHeartbeat);
    });
  });

  it('misses nothing: before wakeAt time alone changes no decision', () => {
    always((before, config) => {
      const { state: settled, wakeAt } = settle(before, config, NOW);
      for (const share of [0.25, 0.5, 0.999]) {
        expect(plan(settled, config, NOW + (wakeAt - NOW) * share).decisions).toEqual([]);
      }
    });
  });

  it('is kind: who is surplus or idle was ready, and has no connection unless there are too many with one', () => {
    always((before, config) => {
      for (const decision of plan(before, config, NOW).decisions) {
        if (decision.kind !== 'retire' || !['surplus', 'idle'].includes(decision.why)) continue;
        const victim = before.workers.find(({ id }) => id === decision.id);
        expect(victim?.stage.phase).toBe('ready');
        if (victim === undefined || openOf(victim) === 0) continue;
        expect(decision.why).toBe('surplus');
        expect(unspent(before, config).length).toBeGreaterThan(config.maxWorkers);
      }
    });
  });

  it('decides once: at most one decision for a worker', () => {
    always((before, config) => {
      const named = plan(before, config, NOW).decisions.map(({ id }) => id);
      expect(new Set(named).size).toBe(named.length);
    });
  });

  it('every decision changes the state', () => {
    always((before, config) => {
      for (const decision of plan(before, config, NOW).decisions) {
        expect(evolve(before, { kind: 'decided', decision, luck: 0 }, NOW, config)).not.toBe(before);
      }
    });
  });

  it('asks only live workers to leave, and gives nobody two clocks', () => {
    always((before, config) => {
      for (const id of ids(plan(before, config, NOW).decisions, 'retire')) {
        expect(before.workers.filter(isLive).map((each) => each.id)).toContain(id);
      }
    });
  });

  it('is deterministic and leaves its arguments alone', () => {
    always((before, config) => {
      const copy = structuredClone(before);
      expect(plan(before, config, NOW)).toEqual(plan(copy, config, NOW));
      expect(before).toEqual(copy);
    });
  });

  it('makes before it breaks: the minimum goes on accepting, or as many as there are places', () => {
    always((before, config) => {
      const { decisions } = plan(before, config, NOW);
      const broken = decisions.some(({ kind, ...rest }) => {
        if (kind !== 'retire' || !('why' in rest) || !spentReasons.includes(rest.why)) return false;
        return before.workers.some((each) => each.id === rest.id && isReady(each) && !isUsedUp(each, config));
      });
      if (!broken) return;
      const gone = new Set(decisions.flatMap(({ kind, id }) => (kind === 'look' ? [] : [id])));
      const accepting = before.workers.filter(
        (each) => isReady(each) && !gone.has(each.id) && !isUsedUp(each, config),
      );
      const places = Math.max(1, capacityOf(before, config));
      expect(accepting.length).toBeGreaterThanOrEqual(Math.min(config.minWorkers, places));
    });
  });

  it('closing: everybody is on the way out, and nobody is born', () => {
    always((before, config) => {
      const { state: settled, decisions } = settle({ ...before, closing: { until: NOW + 100 } }, config, NOW);
      expect(ids(decisions, 'spawn')).toEqual([]);
      expect(settled.workers.filter(isLive)).toEqual([]);
    });
  });

  it('fills the gap: the minima stand where room, surplus and backoff allow', () => {
    always((before, config) => {
      if (before.closing !== undefined || before.backoff.failures > 0 || before.backoff.until > NOW) return;
      const { state: settled } = settle(before, config, NOW);
      if (settled.backoff.failures > 0 || roomOf(settled, config) <= 0) return;
      if (unspent(settled, config).length >= capacityOf(settled, config)) return;
      const live = settled.workers.filter(isLive);
      expect(live.length).toBeGreaterThanOrEqual(config.minWorkers);
      expect(live.filter((each) => openOf(each) === 0).length).toBeGreaterThanOrEqual(config.minSpareWorkers);
    });
  });
});
