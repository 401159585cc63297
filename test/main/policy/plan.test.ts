import { describe, expect, it } from 'vitest';
import { type PolicyOptions } from '../../../src/main/policy/config.ts';
import { plan } from '../../../src/main/policy/plan.ts';
import {
  initialState,
  isLive,
  isReady,
  type PoolEvent,
  type PoolState,
  type WorkerRecord,
} from '../../../src/main/policy/state.ts';
import {
  after,
  beat,
  cleared,
  config,
  draining,
  killing,
  planned,
  pool,
  ready,
  say,
  settle,
  starting,
  worker,
  zombie,
} from './pool.ts';

type Row = readonly [string, PoolState, PolicyOptions, number, readonly string[]];

// Grace 50 s, expiry 50 s, boot 30 s, kill 2 s: the defaults.
const none = { startWorkers: 0, maxSpareTime: Infinity };
const two = { startWorkers: 2 };
const busy = { claimed: 1, served: 1 };
const old = { generation: 0 };
const alive = (now: number): Partial<WorkerRecord> => ({ lastBeat: now, lastActivity: now });

describe('rule 1: kill', () => {
  it.each<Row>([
    ['draining just not for graceTime', pool([worker(1, draining(10))]), none, 50_009, []],
    [
      'draining for graceTime',
      pool([worker(1, { ...draining(10), ...cleared })]),
      none,
      50_010,
      ['kill 1 asked'],
    ],
    [
      'closing has an end of its own',
      pool([worker(1, draining(3, 'closing'))], { closing: { until: 50_020 } }),
      none,
      50_019,
      [],
    ],
    [
      'at the end of closing',
      pool([worker(1, draining(3, 'closing')), worker(2, draining())], { closing: { until: 5 } }),
      none,
      5,
      ['kill 1 closing', 'kill 2 asked'],
    ],
    [
      'who was asked before closing keeps its own time',
      pool([worker(1, { ...draining(), ...cleared })], { closing: { until: 90_000 } }),
      none,
      50_000,
      ['kill 1 asked'],
    ],
    ['booting just not for bootTimeout', pool([worker(1, starting())]), none, 29_999, []],
    [
      'booting for bootTimeout',
      pool([worker(1, { ...starting(), ...cleared })]),
      none,
      30_000,
      ['kill 1 boot-timeout'],
    ],
    ['waiting for its turn to boot', pool([worker(1, starting(0, false))]), none, 999_000, []],
    [
      'broken while starting',
      pool([worker(1, { ...starting(), broken: true })]),
      none,
      0,
      ['kill 1 garbage'],
    ],
    ['broken while ready', pool([worker(1, { broken: true })]), none, 0, ['kill 1 garbage']],
    [
      'broken while draining',
      pool([worker(1, { ...draining(), broken: true })]),
      none,
      0,
      ['kill 1 garbage'],
    ],
    ['broken while being killed', pool([worker(1, { ...killing(), broken: true })]), none, 0, []],
    ['killed, but it did not end yet', pool([worker(1, killing())]), none, 1_999, []],
    ['killed, and it did not end', pool([worker(1, killing())]), none, 2_000, ['abandon 1']],
    ['a zombie is let be', pool([worker(1, { ...zombie(), broken: true })]), none, 1e9, []],
    [
      'a broken one is replaced',
      pool([worker(1, { broken: true }), worker(2)]),
      two,
      0,
      ['kill 1 garbage', 'spawn 100'],
    ],
    ['a zombie is replaced', pool([worker(1, zombie()), worker(2)]), two, 0, ['spawn 100']],
  ])('%s', (_, state, options, now, expected) => {
    expect(planned(state, options, now)).toEqual(expected);
  });
});

describe('before who is overdue is dealt with', () => {
  const looking = { look: { since: 50_000, clear: false } };

  it.each<Row>([
    ['silent: is looked at', pool([worker(1, busy)]), none, 50_000, ['look 1']],
    ['draining for graceTime: is looked at', pool([worker(1, draining(10))]), none, 50_010, ['look 1']],
    ['booting for bootTimeout: is looked at', pool([worker(1, starting())]), none, 30_000, ['look 1']],
    [
      'leaving while it boots, for bootTimeout: is looked at',
      pool([worker(1, { stage: { phase: 'draining', since: 20_000, why: 'asked', launchedAt: 0 } })]),
      none,
      30_000,
      ['look 1'],
    ],
    ['the answer is waited for', pool([worker(1, { ...busy, ...looking })]), none, 51_999, []],
    ['but not for ever', pool([worker(1, { ...busy, ...looking })]), none, 52_000, ['retire 1 silent']],
    [
      'who leaves for another reason is not looked at',
      pool([worker(1, { ...busy, asked: true })]),
      none,
      50_000,
      ['retire 1 asked'],
    ],
    [
      'who breaks the protocol neither',
      pool([worker(1, { broken: true })]),
      none,
      50_000,
      ['kill 1 garbage'],
    ],
    [
      'the end of closing waits for no look',
      pool([worker(1, draining(3, 'closing')), worker(2, { ...draining(), ...looking })], {
        closing: { until: 50_000 },
      }),
      none,
      50_000,
      ['kill 1 closing', 'kill 2 asked'],
    ],
    ['who is looked at still counts', pool([worker(1, { ...looking }), worker(2)]), two, 50_000, ['look 2']],
  ])('%s', (_, state, options, now, expected) => {
    expect(planned(state, options, now)).toEqual(expected);
  });
});

describe('a worker that stands in a debugger', () => {
  const rules = config(none);
  const found = (state: PoolState, now: number): PoolState =>
    after(settle(state, rules, now).state, [{ kind: 'looked', id: 1, debugged: true }], now);

  it.each<readonly [string, Partial<WorkerRecord>, number, number]>([
    ['silent', busy, 50_000, 100_000],
    ['booting', starting(), 30_000, 60_000],
    ['draining', draining(), 50_000, 100_000],
    [
      'leaving while it boots',
      { stage: { phase: 'draining', since: 20_000, why: 'asked', launchedAt: 0 } },
      30_000,
      60_000,
    ],
  ])('%s: gets its time anew, and is looked at again', (_, more, due, again) => {
    const held = found(pool([worker(1, more)]), due);
    expect(held.workers[0]?.debugged).toBe(true);
    expect(planned(held, none, due)).toEqual([]);
    expect(planned(held, none, again - 1)).toEqual([]);
    expect(planned(held, none, again)).toEqual(['look 1']);
    expect(planned(found(held, again), none, again)).toEqual([]);
  });

  it.each<readonly [string, PoolEvent]>([
    ['a beat', { kind: 'beat', id: 1, beat: beat() }],
    ['a message', { kind: 'alive', id: 1 }],
    ['a claim', { kind: 'claimed', id: 1 }],
    ['a look that finds it free', { kind: 'looked', id: 1, debugged: false }],
  ])('goes on by %s', (_, event) => {
    const held = found(pool([worker(1)]), 50_000);
    const looked = settle(held, rules, 100_000).state;
    expect(after(looked, [event], 100_000).workers[0]?.debugged).toBe(false);
  });

  it('that is found too late, after a sign of life, is not held', () => {
    const state = settle(pool([worker(1)]), rules, 50_000).state;
    const heard = after(state, [{ kind: 'beat', id: 1, beat: beat() }], 50_001);
    expect(after(heard, [{ kind: 'looked', id: 1, debugged: true }], 50_002)).toBe(heard);
  });

  it('a draining one that still beats is dealt with all the same', () => {
    const state = settle(pool([worker(1, draining())]), rules, 50_000).state;
    const heard = after(
      state,
      [
        { kind: 'beat', id: 1, beat: beat() },
        { kind: 'looked', id: 1, debugged: false },
      ],
      50_001,
    );
    expect(planned(heard, none, 50_001)).toEqual(['kill 1 asked']);
  });
});

describe('rule 2: ask to retire', () => {
  it.each<Row>([
    [
      'closing: everybody, and nothing is born',
      pool([worker(1), worker(2, starting()), worker(3, draining())], { closing: { until: 99 }, waiting: 3 }),
      two,
      5,
      ['retire 1 closing', 'retire 2 closing'],
    ],
    [
      'who asked, ready or not, whatever the minimum',
      pool([worker(1, { asked: true }), worker(2, { ...starting(), asked: true })]),
      two,
      0,
      ['retire 1 asked', 'retire 2 asked', 'spawn 100', 'spawn 101'],
    ],
    ['just not silent', pool([worker(1, busy)]), none, 49_999, []],
    ['silent', pool([worker(1, { ...busy, ...cleared })]), none, 50_000, ['retire 1 silent']],
    ['silent is said once', pool([worker(1, draining(49_000))]), none, 50_000, []],
    ['just not spare for long', pool(ready(1)), { ...none, maxSpareTime: 100 }, 99, []],
    ['spare for long', pool(ready(1)), { ...none, maxSpareTime: 100 }, 100, ['retire 1 idle']],
    ['busy for long is not spare for long', pool(ready(1, busy)), { ...none, maxSpareTime: 100 }, 100, []],
    [
      'idle, oldest first, not below minWorkers',
      pool([worker(1, { lastActivity: 2 }), worker(2, { lastActivity: 1 }), worker(3)]),
      { startWorkers: 1, maxSpareTime: 100 },
      200,
      ['retire 3 idle', 'retire 2 idle'],
    ],
    [
      'idle, not below minWorkers though spare enough',
      pool(ready(4)),
      { startWorkers: 3, minSpareWorkers: 1, maxSpareTime: 100 },
      200,
      ['retire 1 idle'],
    ],
    [
      'idle, not below minSpareWorkers',
      pool([...ready(3), worker(4, busy)]),
      { ...none, minSpareWorkers: 2, maxSpareTime: 100 },
      200,
      ['retire 1 idle'],
    ],
    [
      'idle, not below what the load still justifies',
      pool(ready(6, { beat: beat({ utilization: 0.2 }) })),
      { workers: '1..8', maxSpareTime: 100 },
      200,
      ['retire 1 idle', 'retire 2 idle', 'retire 3 idle'],
    ],
    [
      'idle for a minute, by default',
      pool(ready(3, { lastBeat: 60_000 })),
      { startWorkers: 1 },
      60_000,
      ['retire 1 idle', 'retire 2 idle'],
    ],
    [
      'idle, a starting one does not stand in',
      pool([worker(1), worker(2, starting(190))]),
      { startWorkers: 1, maxSpareTime: 100 },
      200,
      [],
    ],
    [
      'nobody is idle while connections wait',
      pool(ready(1, { paused: true }), { waiting: 1 }),
      { ...none, maxWorkers: 1, maxSpareTime: 100 },
      200,
      [],
    ],
  ])('%s', (_, state, options, now, expected) => {
    expect(planned(state, options, now)).toEqual(expected);
  });
});

describe('rule 2: make before break', () => {
  const aged = { maxLifetime: 1000 };
  const fresh = (id: number, more: Partial<WorkerRecord> = {}) => worker(id, { bornAt: 990, ...more });
  it.each<Row>([
    ['just not aged', pool(ready(2)), { ...two, ...aged }, 999, []],
    ['aged: replacements first', pool(ready(2)), { ...two, ...aged }, 1000, ['spawn 100', 'spawn 101']],
    ['aged early by luck', pool(ready(1, { luck: 0.5 })), { startWorkers: 1, ...aged }, 950, ['spawn 100']],
    [
      'aged: not before they are ready',
      pool([...ready(2), worker(3, starting(990)), worker(4, starting(990))]),
      { ...two, ...aged },
      1000,
      [],
    ],
    [
      'aged: one for one',
      pool([...ready(2), fresh(3), worker(4, starting(990))]),
      { ...two, ...aged },
      1000,
      ['retire 1 aged'],
    ],
    [
      'aged: all replaced',
      pool([...ready(2), fresh(3), fresh(4)]),
      { ...two, ...aged },
      1000,
      ['retire 1 aged', 'retire 2 aged'],
    ],
    [
      'aged: spare ones first, then the oldest',
      pool([worker(1, busy), worker(2), worker(3), fresh(4)]),
      { startWorkers: 2, ...aged },
      1000,
      ['retire 2 aged', 'retire 1 aged', 'spawn 100'],
    ],
    [
      'aged: a spare one not below minSpare',
      pool([worker(1), fresh(2, busy)]),
      { ...none, minSpareWorkers: 1, ...aged },
      1000,
      ['spawn 100'],
    ],
    [
      'aged: a busy one is not missed as spare',
      pool([worker(1, busy), fresh(2)]),
      { startWorkers: 1, ...aged },
      1000,
      ['retire 1 aged'],
    ],
    [
      'aged: a busy one need not wait for a spare one',
      pool([worker(1, busy), fresh(2, busy)]),
      { startWorkers: 1, ...aged },
      1000,
      ['retire 1 aged', 'spawn 100'],
    ],
    ['aged, no minimum', pool(ready(2)), { ...none, ...aged }, 1000, ['retire 1 aged', 'retire 2 aged']],
    ['aged, still starting', pool([worker(1, starting())]), { startWorkers: 1, ...aged }, 1000, []],
    [
      'aged, full: a replacement in the place above',
      pool(ready(2)),
      { ...two, maxWorkers: 2, ...aged },
      1000,
      ['spawn 100'],
    ],
    [
      'aged, full: not before it is ready',
      pool([...ready(2), worker(3, starting(990))]),
      { ...two, maxWorkers: 2, ...aged },
      1000,
      [],
    ],
    [
      'aged, full: then a spare one goes',
      pool([worker(1, busy), worker(2), fresh(3)]),
      { ...two, maxWorkers: 2, ...aged },
      1000,
      ['retire 2 aged'],
    ],
    [
      'aged, full and all busy: then the oldest goes',
      pool([worker(1, busy), worker(2, busy), fresh(3, busy)]),
      { ...two, maxWorkers: 2, ...aged },
      1000,
      ['retire 1 aged'],
    ],
    [
      'aged, full of one: the same',
      pool([worker(1, busy), fresh(2)]),
      { startWorkers: 1, maxWorkers: 1, ...aged },
      1000,
      ['retire 1 aged'],
    ],
    [
      'aged, full: no replacement while the one before still leaves',
      pool([worker(1, draining(900)), worker(2), fresh(3)]),
      { ...two, maxWorkers: 2, ...aged },
      1000,
      [],
    ],
    [
      'aged, full: nor while it is killed',
      pool([worker(1, killing(900)), worker(2), fresh(3)]),
      { ...two, maxWorkers: 2, ...aged },
      1000,
      [],
    ],
    [
      'asked, full: a replacement in the place above at once',
      pool([worker(1, { asked: true }), worker(2)]),
      { ...two, maxWorkers: 2 },
      0,
      ['retire 1 asked', 'spawn 100'],
    ],
    [
      'aged, one above under load: a spare one is not waited for',
      pool([worker(1, busy), worker(2, busy), worker(3), fresh(4)]),
      { ...two, maxWorkers: 3, ...aged },
      1000,
      ['retire 3 aged'],
    ],
    [
      'aged, no room ever: stays',
      pool([worker(1), worker(2, zombie())]),
      { startWorkers: 1, maxWorkers: 1, maxZombies: 0, ...aged },
      1000,
      [],
    ],
    [
      'aged: while backing off stays',
      pool(ready(1), { backoff: { failures: 1, until: 1001, young: false } }),
      { startWorkers: 1, ...aged },
      1000,
      [],
    ],
    ['served one too few', pool(ready(1, { served: 9 })), { startWorkers: 1, maxServed: 10 }, 0, []],
    [
      'served exactly so many',
      pool(ready(1, { served: 10 })),
      { startWorkers: 1, maxServed: 10 },
      0,
      ['spawn 100'],
    ],
    [
      'served: full, all that take nothing go at once',
      pool(ready(3, { served: 10, claimed: 2 })),
      { startWorkers: 3, maxWorkers: 3, maxServed: 10 },
      0,
      ['retire 1 served', 'retire 2 served', 'retire 3 served', 'spawn 100'],
    ],
    [
      'served: replaced',
      pool([worker(1, { served: 10, claimed: 1 }), worker(2)]),
      { startWorkers: 1, maxServed: 10 },
      0,
      ['retire 1 served'],
    ],
    ['heap at the bound', pool(ready(1, { beat: beat({ heap: 100 }) })), { ...none, maxHeap: 100 }, 0, []],
    [
      'heap above the bound while starting',
      pool(ready(1, { ...starting(), beat: beat({ heap: 101 }) })),
      { startWorkers: 1, maxHeap: 100 },
      0,
      [],
    ],
    [
      'heap above the bound',
      pool(ready(1, { beat: beat({ heap: 101 }) })),
      { ...none, maxHeap: 100 },
      0,
      ['retire 1 memory'],
    ],
    [
      'heap above the bound that jitter draws for it, by luck one of two',
      pool([1, 2].map((id) => worker(id, { luck: id === 1 ? 0.5 : 0, beat: beat({ heap: 96 }) }))),
      { ...none, maxHeap: 100 },
      0,
      ['retire 1 memory'],
    ],
    [
      'external above the bound of the jitter',
      pool(ready(1, { luck: 0.9, beat: beat({ external: 60 }) })),
      { ...none, maxExternal: 100, memoryJitter: 0.5 },
      0,
      ['retire 1 memory'],
    ],
    [
      'external below the bound of the jitter',
      pool(ready(1, { luck: 0.9, beat: beat({ external: 55 }) })),
      { ...none, maxExternal: 100, memoryJitter: 0.5 },
      0,
      [],
    ],
    [
      'external above the bound',
      pool(ready(1, { beat: beat({ external: 101 }) })),
      { ...none, maxExternal: 100 },
      0,
      ['retire 1 memory'],
    ],
    [
      'too busy a loop',
      pool(ready(1, { beat: beat({ utilization: 0.96 }) })),
      { ...none, maxUtilization: 0.95 },
      0,
      ['retire 1 utilization'],
    ],
    ['reload: replacements first', pool(ready(2, old)), two, 0, ['spawn 100', 'spawn 101']],
    [
      'reload: then the old go',
      pool([worker(1, old), worker(2)]),
      { startWorkers: 1 },
      0,
      ['retire 1 reload'],
    ],
    [
      'reload: old ones that boot need no replacement',
      pool([worker(1, { ...starting(), ...old }), worker(2)]),
      two,
      0,
      ['retire 1 reload', 'spawn 100'],
    ],
    [
      'reload: old ones that boot may go on while nobody is ready',
      pool([worker(1, { ...starting(), ...old })]),
      { startWorkers: 1 },
      0,
      ['spawn 100'],
    ],
    [
      'reload of a range under load: as many replacements as the load wants',
      pool(ready(5, { ...busy, ...old, beat: beat({ utilization: 0.6 }) })),
      { workers: '2..8' },
      0,
      ['retire 1 reload', 'spawn 100', 'spawn 101', 'spawn 102', 'spawn 103'],
    ],
    [
      'reload of a range under load: one for one',
      pool([
        ...ready(4, { ...busy, ...old, beat: beat({ utilization: 0.7 }) }),
        worker(5),
        ...[6, 7, 8].map((id) => worker(id, starting())),
      ]),
      { workers: '2..8' },
      0,
      ['retire 1 reload'],
    ],
    [
      'full: an idle worker is not passed by a busy one',
      pool([worker(1, { ...busy, ...old }), worker(2, old), worker(3, old)]),
      { ...two, maxWorkers: 3 },
      0,
      ['spawn 100'],
    ],
    [
      'full: an idle worker is replaced before a busy one',
      pool([worker(1, { ...busy, ...old }), worker(2, old), worker(3, old), worker(4)]),
      { ...two, maxWorkers: 3 },
      0,
      ['retire 2 reload'],
    ],
    [
      'paused workers count as accepting',
      pool([worker(1, old), worker(2, { paused: true })]),
      { startWorkers: 1 },
      0,
      ['retire 1 reload'],
    ],
  ])('%s', (_, state, options, now, expected) => {
    expect(planned(state, options, now)).toEqual(expected);
  });
});

describe('rule 3: surplus', () => {
  it.each<Row>([
    [
      'more spare than maxSpare: oldest idle first',
      pool([worker(1, { lastActivity: 5 }), worker(2), worker(3, { lastActivity: 2 })]),
      { ...none, maxSpareWorkers: 1 },
      10,
      ['retire 2 surplus', 'retire 3 surplus'],
    ],
    ['exactly maxSpare', pool(ready(2)), { ...none, maxSpareWorkers: 2 }, 10, []],
    ['equally idle: by id', pool(ready(3)), { ...none, maxSpareWorkers: 2 }, 10, ['retire 1 surplus']],
    [
      'busy ones are never too many spare ones',
      pool(ready(9, busy)),
      { ...none, maxSpareWorkers: 1 },
      10,
      [],
    ],
    [
      'more than maxWorkers after configure: also busy ones, with the fewest clients first',
      pool([worker(1, { claimed: 3 }), worker(2, { claimed: 2, owed: 2 }), worker(3), worker(4, busy)]),
      { startWorkers: 1, maxWorkers: 1 },
      10,
      ['retire 3 surplus', 'retire 4 surplus', 'retire 1 surplus'],
    ],
    [
      'more than maxWorkers: not again while they leave',
      pool([worker(1, busy), worker(2, draining(0, 'surplus')), worker(3, draining(0, 'surplus'))]),
      { startWorkers: 1, maxWorkers: 1 },
      10,
      [],
    ],
    [
      'one above maxWorkers that replaces a spent one is not too many',
      pool([worker(1, { ...busy, ...old }), worker(2, { ...busy, ...old }), worker(3, starting())]),
      { ...two, maxWorkers: 2 },
      10,
      [],
    ],
    [
      'starting ones neither',
      pool([worker(1), worker(2, starting()), worker(3, starting())]),
      { ...none, maxSpareWorkers: 1 },
      10,
      [],
    ],
    [
      'nobody ending is surplus',
      pool([worker(1), worker(2, draining()), worker(3, draining())]),
      { ...none, maxSpareWorkers: 1 },
      10,
      [],
    ],
    [
      'not below minWorkers',
      pool(ready(4)),
      { startWorkers: 3, minSpareWorkers: 0, maxSpareWorkers: 1 },
      10,
      ['retire 1 surplus'],
    ],
    [
      'more than maxWorkers after configure',
      pool([...ready(3, busy), worker(4), worker(5)]),
      { ...two, maxWorkers: 4 },
      10,
      ['retire 4 surplus'],
    ],
    [
      'more than maxWorkers, but those that serve are the minimum',
      pool([...ready(3), worker(4, starting()), worker(5, starting())]),
      { startWorkers: 3, maxWorkers: 3, maxSpareWorkers: 9 },
      10,
      [],
    ],
    [
      'while connections wait nobody is spare',
      pool(ready(3, { paused: true, lastOffer: 1 }), { waiting: 1 }),
      { ...none, maxSpareWorkers: 1 },
      10,
      ['spawn 100'],
    ],
    [
      'surplus and births not in one plan',
      pool(ready(3), { toStart: 5 }),
      { ...none, maxSpareWorkers: 1 },
      10,
      ['retire 1 surplus', 'retire 2 surplus'],
    ],
  ])('%s', (_, state, options, now, expected) => {
    expect(planned(state, options, now)).toEqual(expected);
  });
});

describe('rule 4: births', () => {
  const spawn = (n: number) => Array.from({ length: n }, (_, index) => `spawn ${100 + index}`);
  it.each<Row>([
    ['below minWorkers', pool(ready(1)), { startWorkers: 3, minSpareWorkers: 0 }, 0, spawn(2)],
    ['below minSpare', pool(ready(3, busy)), two, 0, spawn(2)],
    ['starting ones count as spare', pool([worker(1, starting()), worker(2, starting())]), two, 0, []],
    [
      'draining ones count neither as spare nor as live',
      pool([worker(1, draining()), worker(2)]),
      two,
      0,
      spawn(1),
    ],
    [
      'the place of a draining one is taken above maxWorkers',
      pool([worker(1, draining()), worker(2)]),
      { ...two, maxWorkers: 2 },
      0,
      spawn(1),
    ],
    [
      'but once',
      pool([worker(1, draining()), worker(2, draining()), worker(3)]),
      { ...two, maxWorkers: 2 },
      0,
      [],
    ],
    [
      'never more that stay than maxWorkers, though one leaves',
      pool([worker(1, draining()), ...[2, 3].map((id) => worker(id, busy))]),
      { ...none, minSpareWorkers: 1, maxWorkers: 2 },
      0,
      [],
    ],
    ['never above maxWorkers', pool(ready(3, busy)), { ...two, maxWorkers: 4 }, 0, spawn(1)],
    [
      'zombies take no room',
      pool([worker(1, zombie()), worker(2, busy)]),
      { ...none, minSpareWorkers: 2, maxWorkers: 2 },
      0,
      spawn(1),
    ],
    [
      'but for those above maxZombies',
      pool([worker(1, zombie()), worker(2, zombie())]),
      { ...two, maxWorkers: 2, maxZombies: 1 },
      0,
      spawn(1),
    ],
    ['startWorkers above the minima', pool([], { toStart: 4 }), none, 0, spawn(4)],
    ['demand: nobody can take what waits', pool([], { waiting: 1 }), none, 0, spawn(1)],
    [
      'demand: as many as limits ask for',
      pool([], { waiting: 5 }),
      { ...none, maxSessionsPerWorker: 2 },
      0,
      spawn(3),
    ],
    ['demand: maxServed limits as well', pool([], { waiting: 5 }), { ...none, maxServed: 1 }, 0, spawn(5)],
    [
      'demand: who starts was born for it',
      pool([worker(1, starting())], { waiting: 5 }),
      { ...none, maxSessionsPerWorker: 2 },
      0,
      spawn(2),
    ],
    [
      'demand: who is new was born for it',
      pool([worker(1), worker(2, { paused: true })], { waiting: 1 }),
      none,
      0,
      [],
    ],
    [
      'demand: who takes none was not',
      pool([worker(1, { maxSessions: 0 }), worker(2, { maxSessions: 1 })], { waiting: 2 }),
      { ...none, maxSessionsPerWorker: 1 },
      0,
      spawn(1),
    ],
    [
      'demand: hung workers do not help',
      pool(ready(2, { suspect: true, lastOffer: 1 }), { waiting: 1 }),
      none,
      0,
      spawn(1),
    ],
    [
      'demand: within maxWorkers',
      pool(ready(2, busy), { waiting: 9 }),
      { ...none, maxWorkers: 2, maxSessionsPerWorker: 1 },
      0,
      [],
    ],
    [
      'load: busy event loops want one more',
      pool(ready(2, { claimed: 9, beat: beat({ utilization: 0.9 }) })),
      { workers: '2..8' },
      0,
      spawn(1),
    ],
    [
      'load: connections alone want none',
      pool(ready(2, { claimed: 999, beat: beat({ utilization: 0.7 }) })),
      { workers: '2..8' },
      0,
      [],
    ],
    [
      'load: one that is blocked is made good by one that rests',
      pool([worker(1, { suspect: true }), worker(2, { beat: beat({ utilization: 0.1 }) })]),
      { workers: '2..8' },
      0,
      [],
    ],
    ['load: when all are blocked', pool(ready(2, { suspect: true })), { workers: '2..8' }, 0, spawn(1)],
    [
      'load: one that starts was born for it',
      pool([...ready(2, { beat: beat({ utilization: 1 }) }), worker(3, starting())]),
      { workers: '2..8' },
      0,
      [],
    ],
    [
      'load: not of a pool that counts spare workers',
      pool(ready(2, { ...busy, beat: beat({ utilization: 1 }) })),
      { ...two, minSpareWorkers: 0 },
      0,
      [],
    ],
    ['load: within maxWorkers', pool(ready(2, { beat: beat({ utilization: 1 }) })), { workers: 2 }, 0, []],
    ['backing off: none', pool([], { backoff: { failures: 1, until: 100, young: false } }), two, 99, []],
    [
      'backing off: then one',
      pool([], { backoff: { failures: 1, until: 100, young: false } }),
      two,
      100,
      spawn(1),
    ],
    [
      'backing off: then one at a time',
      pool([worker(1, starting(100))], { backoff: { failures: 1, until: 100, young: false } }),
      two,
      150,
      [],
    ],
  ])('%s', (_, state, options, now, expected) => {
    expect(planned(state, options, now)).toEqual(expected);
  });

  it('newborns are of the generation of the pool', () => {
    const { decisions } = plan(
      pool([], { generation: 3, lastGeneration: 3 }),
      config({ startWorkers: 1 }),
      0,
    );
    expect(decisions).toEqual([{ kind: 'spawn', id: 100, generation: 3 }]);
  });

  it('a start that found no room does not force births later', () => {
    const { state } = settle({ ...initialState(9), workers: [] }, config({ ...none, maxWorkers: 3 }), 0);
    const gone = after(
      state,
      [
        { kind: 'exited', id: 1, luck: 0 },
        { kind: 'ready', id: 2 },
      ],
      10,
    );
    expect(planned(gone, { ...none, maxWorkers: 3 }, 1000)).toEqual([]);
  });
});

describe('when to look again', () => {
  it.each<[string, PoolState, PolicyOptions, number]>([
    ['at the heartbeat', pool([]), none, 10_000],
    ['grace', pool([worker(1, draining())]), { ...none, graceTime: 700 }, 700],
    ['the end of closing', pool([worker(1, draining())], { closing: { until: 300 } }), none, 300],
    ['boot', pool([worker(1, starting())]), { ...none, bootTimeout: 800 }, 800],
    [
      'no boot before the launch',
      pool([worker(1, starting(0, false))]),
      { ...none, bootTimeout: 800 },
      10_000,
    ],
    ['kill', pool([worker(1, killing())]), none, 2000],
    ['silence', pool([worker(1, busy)]), { ...none, workerExpireTime: 900 }, 900],
    ['age', pool(ready(1, { luck: 0.5 })), { ...none, maxLifetime: 1000 }, 950],
    ['idle', pool(ready(1)), { ...none, maxSpareTime: 600 }, 600],
    ['busy is not idle', pool(ready(1, busy)), { ...none, maxSpareTime: 600 }, 10_000],
    ['backoff', pool([], { backoff: { failures: 1, until: 123, young: false } }), none, 123],
  ])('%s', (_, state, options, expected) => {
    expect(plan(state, config(options), 0).wakeAt).toBe(expected);
  });

  it('not for deadlines that have passed', () => {
    const { wakeAt } = plan(
      pool(ready(1, alive(500))),
      config({ startWorkers: 1, maxLifetime: 100, maxSpareTime: 100 }),
      700,
    );
    expect(wakeAt).toBe(10_700);
  });
});

describe('the flaws of the ancestor', () => {
  const live = (state: PoolState) => state.workers.filter(isLive).length;

  it('1: births are never above maxWorkers', () => {
    const { state } = settle(pool(ready(2, busy)), config({ ...two, minSpareWorkers: 4, maxWorkers: 4 }), 0);
    expect(live(state)).toBe(4);
  });
  it('2: births and surplus never share a plan, and do not take turns', () => {
    const rules = config({ ...two, minSpareWorkers: 5, maxSpareWorkers: 6, maxWorkers: 20 });
    const { state, decisions } = settle(pool(ready(9)), rules, 0);
    expect(decisions.map(say)).toEqual(['retire 1 surplus', 'retire 2 surplus', 'retire 3 surplus']);
    expect(plan(state, rules, 10_000).decisions).toEqual([]);
  });
  it('3: only idle workers are surplus, never one that ends already', () => {
    const workers = [worker(1, busy), worker(2, draining()), worker(3), worker(4)];
    expect(planned(pool(workers), { ...none, maxSpareWorkers: 1 }, 0)).toEqual(['retire 3 surplus']);
  });
  it('5: 0 is a number', () => {
    expect(planned(initialState(0), none, 0)).toEqual([]);
  });
  it('6: a booting worker is not silent', () => {
    expect(planned(pool([worker(1, starting())]), { ...none, workerExpireTime: 5000 }, 20_000)).toEqual([]);
  });
  it('7: a worker that was never used is spare since its birth, a busy one never', () => {
    const workers = [worker(1, { bornAt: 900, lastActivity: 900 }), worker(2, busy)];
    expect(planned(pool(workers), { ...none, maxSpareTime: 200 }, 1000)).toEqual([]);
  });
  it('8: who is too old is replaced before it goes', () => {
    const rules = config({ ...two, maxLifetime: 1000 });
    const first = settle(pool(ready(2)), rules, 1000);
    expect(first.state.workers.filter(isReady)).toHaveLength(2);
    const booted = after(
      first.state,
      [
        { kind: 'ready', id: 100 },
        { kind: 'ready', id: 101 },
      ],
      1100,
    );
    const second = settle(booted, rules, 1100);
    expect(second.state.workers.filter(isReady).map(({ id }) => id)).toEqual([100, 101]);
    expect(second.decisions.map(say)).toEqual(['retire 1 aged', 'retire 2 aged']);
  });
  it('9: a worker is used up at exactly N, once it has claimed the last', () => {
    const offered = after(pool(ready(1)), [{ kind: 'offered', id: 1 }]);
    expect(planned(offered, { ...none, maxServed: 1 }, 0)).toEqual([]);
    const claimed = after(offered, [{ kind: 'claimed', id: 1 }]);
    expect(planned(claimed, { ...none, maxServed: 1 }, 0)).toEqual(['retire 1 served']);
    const back = after(offered, [{ kind: 'taken-back', id: 1, overdue: false }]);
    expect(planned(back, { ...none, maxServed: 1 }, 0)).toEqual([]);
  });
  it('10: the grace clock starts at the first asking and never again', () => {
    const rules = config({ ...none, graceTime: 3000 });
    let state = settle(pool(ready(1, { ...busy, asked: true })), rules, 0).state;
    for (let now = 500; now < 3000; now += 500) {
      state = after(
        state,
        [
          { kind: 'asked', id: 1 },
          { kind: 'beat', id: 1, beat: beat({ open: 1 }) },
        ],
        now,
      );
      state = after(
        state,
        [{ kind: 'decided', decision: { kind: 'retire', id: 1, why: 'aged' }, luck: 0 }],
        now,
      );
      expect(plan(state, rules, now).decisions).toEqual([]);
    }
    expect(plan(state, rules, 3000).decisions.map(say)).toEqual(['look 1']);
    state = after(settle(state, rules, 3000).state, [{ kind: 'looked', id: 1, debugged: false }], 3000);
    expect(plan(state, rules, 3000).decisions.map(say)).toEqual(['kill 1 asked']);
  });
  it('11: ending workers are neither live nor spare', () => {
    expect(planned(pool([worker(1, draining()), worker(2, killing())]), two, 0)).toEqual([
      'spawn 100',
      'spawn 101',
    ]);
  });
  it('21: an hour of suspend expires nobody', () => {
    const hour = 3_600_000;
    const workers = [worker(1), worker(2, starting()), worker(3, draining()), worker(4, killing())];
    const rules = config({ ...two, maxSpareTime: 60_000 });
    const late = after(pool(workers), [{ kind: 'late', by: hour }], hour);
    expect(plan(late, rules, hour).decisions).toEqual([]);
  });
});

describe('population, by the rule that the ancestor meant', () => {
  /** Everybody boots and beats at once; the population at each of some heartbeats. */
  const lives = (options: PolicyOptions, beats = 6, held: Partial<WorkerRecord> = {}): readonly number[] => {
    const rules = config(options);
    let { state } = settle(initialState(rules.startWorkers), rules, 0);
    const counts: number[] = [];
    for (let now = rules.masterHeartbeat; counts.length < beats; now += rules.masterHeartbeat) {
      for (let again = 0; again < 4; again++) {
        const booted = state.workers.filter(({ stage }) => stage.phase === 'starting');
        const left = state.workers.filter(({ stage }) => stage.phase === 'draining');
        state = after(
          state,
          booted.map(({ id }) => ({ kind: 'ready', id })),
          now,
        );
        state = after(
          state,
          left.map(({ id }) => ({ kind: 'exited', id, luck: 0 })),
          now,
        );
        state = after(
          state,
          state.workers.map(({ id }) => ({ kind: 'alive', id })),
          now,
        );
        state = {
          ...state,
          workers: state.workers.map((each, index) => ({
            ...each,
            lastBeat: now,
            ...(index < 2 ? held : {}),
          })),
        };
        state = settle(state, rules, now).state;
      }
      counts.push(state.workers.length);
    }
    return counts;
  };
  it.each<[string, PolicyOptions, number]>([
    ['1a defaults', {}, 5],
    ['1b MinSpare 4', { startWorkers: 2, minSpareWorkers: 4, maxWorkers: 10 }, 4],
    ['1c MaxSpare 4', { startWorkers: 10, minWorkers: 2, minSpareWorkers: 2, maxSpareWorkers: 4 }, 4],
    ['1d Max 4', { maxWorkers: 4, minWorkers: 4 }, 4],
    ['1e Max 3', { maxWorkers: 3 }, 3],
    ['1f all of Max spare', { maxWorkers: 4, startWorkers: 2, minSpareWorkers: 4 }, 4],
    ['1h Max 1', { maxWorkers: 1, startWorkers: 1 }, 1],
    ['1i all 0', { startWorkers: 0, minWorkers: 0, minSpareWorkers: 0 }, 0],
  ])('%s is steady', (_, options, expected) => {
    expect(lives(options)).toEqual(Array(6).fill(expected));
  });
  it('with two held clients there are two spare ones more', () => {
    expect(lives(two, 6, busy)).toEqual(Array(6).fill(4));
    expect(lives({ ...two, maxWorkers: 3 }, 6, busy)).toEqual(Array(6).fill(3));
  });
  it('the defaults of every maxWorkers from 1 to 64 are steady', () => {
    for (let maxWorkers = 1; maxWorkers <= 64; maxWorkers++) {
      const expected = Math.min(5, maxWorkers);
      expect(lives({ maxWorkers }, 3), `maxWorkers ${maxWorkers}`).toEqual([expected, expected, expected]);
      const loaded = Math.min(maxWorkers, 7);
      expect(lives({ maxWorkers }, 3, busy), `maxWorkers ${maxWorkers}`).toEqual([loaded, loaded, loaded]);
    }
  });
});
