import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan } from '../../../src/main/policy/plan.ts';
import { initialState, openOf, type PoolEvent, type PoolState } from '../../../src/main/policy/state.ts';
import {
  after,
  beat,
  config,
  draining,
  killing,
  only,
  pool,
  ready,
  starting,
  worker,
  zombie,
} from './pool.ts';

const one = (more = {}, events: readonly PoolEvent[] = [], now = 10) =>
  after(pool([worker(1, more)]), events, now);

describe('evolve: events of one worker', () => {
  const ofWorker: readonly PoolEvent[] = [
    { kind: 'launched', id: 9 },
    { kind: 'ready', id: 9 },
    { kind: 'beat', id: 9, beat: beat() },
    { kind: 'alive', id: 9 },
    { kind: 'offered', id: 9 },
    { kind: 'claimed', id: 9 },
    { kind: 'taken-back', id: 9, overdue: true },
    { kind: 'stolen', id: 9 },
    { kind: 'released', id: 9 },
    { kind: 'paused', id: 9, paused: true },
    { kind: 'limited', id: 9, maxSessions: 1 },
    { kind: 'asked', id: 9 },
    { kind: 'broken', id: 9 },
    { kind: 'exited', id: 9, luck: 0 },
    { kind: 'decided', decision: { kind: 'retire', id: 9, why: 'asked' }, luck: 0 },
    { kind: 'decided', decision: { kind: 'kill', id: 9, why: 'asked' }, luck: 0 },
    { kind: 'decided', decision: { kind: 'abandon', id: 9 }, luck: 0 },
  ];
  it.each(ofWorker)('$kind of a worker that is gone changes nothing', (event) => {
    const state = pool(ready(2));
    expect(after(state, [event], 10)).toBe(state);
  });

  it('an offer is owed, counts as served, and as the latest', () => {
    const state = after(pool(ready(1), { offers: 4 }), [{ kind: 'offered', id: 1 }], 10);
    expect(state.offers).toBe(5);
    expect(only(state)).toMatchObject({ owed: 1, claimed: 0, served: 1, lastActivity: 10, lastOffer: 5 });
  });

  it('a claim moves from owed to claimed and is a sign of life', () => {
    const state = one({ owed: 2, served: 2, suspect: true }, [{ kind: 'claimed', id: 1 }]);
    expect(only(state)).toMatchObject({ owed: 1, claimed: 1, served: 2, suspect: false });
  });

  it('what is stolen was never served; its worker counts as stolen from until the next sign of life', () => {
    const state = one({ owed: 2, served: 5 }, [{ kind: 'stolen', id: 1 }]);
    expect(only(state)).toMatchObject({ owed: 1, served: 4, stolenFrom: true, suspect: false });
    const signs: readonly PoolEvent[] = [
      { kind: 'alive', id: 1 },
      { kind: 'claimed', id: 1 },
      { kind: 'beat', id: 1, beat: beat() },
    ];
    for (const sign of signs) expect(only(after(state, [sign])).stolenFrom, sign.kind).toBe(false);
  });

  it('what is taken back was never served; only an overdue claim makes suspect', () => {
    const back = (overdue: boolean): PoolEvent => ({ kind: 'taken-back', id: 1, overdue });
    const state = one({ owed: 2, served: 5 }, [back(false)]);
    expect(only(state)).toMatchObject({ owed: 1, served: 4, suspect: false });
    expect(only(after(state, [back(true)]))).toMatchObject({ owed: 0, served: 3, suspect: true });
    expect(only(after(state, [back(true), back(false)])).suspect).toBe(true);
  });

  it('a close is an activity, and no count is ever negative', () => {
    const state = one({ claimed: 1 }, [{ kind: 'released', id: 1 }]);
    expect(only(state)).toMatchObject({ claimed: 0, lastActivity: 10 });
    const odd = after(state, [
      { kind: 'released', id: 1 },
      { kind: 'taken-back', id: 1, overdue: false },
    ]);
    expect(only(odd)).toMatchObject({ claimed: 0, owed: 0, served: 0 });
  });

  it('a beat corrects the books, and is a sign of life', () => {
    const report = beat({ open: 3, served: 7, utilization: 0.5 });
    const state = one({ claimed: 9, owed: 2, served: 99, suspect: true }, [
      { kind: 'beat', id: 1, beat: report },
    ]);
    expect(only(state)).toMatchObject({
      claimed: 3,
      owed: 2,
      served: 9,
      suspect: false,
      lastBeat: 10,
      beat: report,
    });
  });

  it('any message clears suspicion but is no beat', () => {
    expect(only(one({ suspect: true }, [{ kind: 'alive', id: 1 }]))).toMatchObject({
      suspect: false,
      lastBeat: 0,
    });
    const state = pool(ready(1));
    expect(after(state, [{ kind: 'alive', id: 1 }])).toBe(state);
  });

  it('the boot time runs from the launch', () => {
    const state = one(starting(0, false), [{ kind: 'launched', id: 1 }]);
    expect(only(state).stage).toEqual({ phase: 'starting', since: 10, launched: true });
    expect(after(state, [{ kind: 'launched', id: 1 }], 20)).toBe(state);
  });

  it('becoming ready counts as a beat and as activity, and forgives failed boots', () => {
    const state = after(
      pool([worker(1, starting())], { backoff: { failures: 3, until: 5, young: false }, toStart: 2 }),
      [{ kind: 'ready', id: 1 }],
      10,
    );
    expect(only(state)).toMatchObject({
      stage: { phase: 'ready', since: 10 },
      lastBeat: 10,
      lastActivity: 10,
    });
    expect(state).toMatchObject({ backoff: { failures: 0 }, toStart: 0 });
  });

  it('a draining worker that becomes ready stays draining', () => {
    expect(only(one(draining(3), [{ kind: 'ready', id: 1 }])).stage).toMatchObject({
      phase: 'draining',
      since: 3,
    });
  });

  it('wishes are remembered', () => {
    const wishes: readonly PoolEvent[] = [
      { kind: 'paused', id: 1, paused: true },
      { kind: 'limited', id: 1, maxSessions: 3 },
      { kind: 'asked', id: 1 },
      { kind: 'broken', id: 1 },
    ];
    expect(only(one({}, wishes))).toMatchObject({
      paused: true,
      maxSessions: 3,
      asked: true,
      broken: true,
    });
  });

  it.each([
    ['starting', starting(), 1],
    ['ready, a moment too young', { stage: { phase: 'ready' as const, since: -4_989 } }, 1],
    ['ready, old enough', { stage: { phase: 'ready' as const, since: -4_990 } }, 0],
    ['draining', draining(), 0],
    ['killing', killing(), 0],
    ['zombie', zombie(), 0],
  ])('an exit removes the record; in %s it adds %3$s failed boots', (_, more, failures) => {
    const state = one(more, [{ kind: 'exited', id: 1, luck: 0 }]);
    expect(state.workers).toEqual([]);
    expect(state.backoff.failures).toBe(failures);
    if (failures > 0) expect(state.backoff.until).toBe(110);
  });
});

describe('evolve: events of the pool', () => {
  it('a birth appends a record with the luck drawn', () => {
    const spawn: PoolEvent = {
      kind: 'decided',
      decision: { kind: 'spawn', id: 1, generation: 1 },
      luck: 0.25,
    };
    const state = after(initialState(2), [spawn], 10);
    expect(state).toMatchObject({ nextId: 2, toStart: 1 });
    expect(only(state)).toEqual(
      worker(1, { ...starting(10, false), bornAt: 10, lastActivity: 10, lastBeat: 10, luck: 0.25 }),
    );
    const late = pool([worker(1, starting())], { toStart: 3 });
    expect(after(late, [{ kind: 'exited', id: 1, luck: 0 }]).toStart).toBe(0);
  });

  it('no stage ever goes back, and no clock restarts', () => {
    const retire: PoolEvent = { kind: 'decided', decision: { kind: 'retire', id: 1, why: 'aged' }, luck: 0 };
    const kill: PoolEvent = { kind: 'decided', decision: { kind: 'kill', id: 1, why: 'aged' }, luck: 0 };
    const abandon: PoolEvent = { kind: 'decided', decision: { kind: 'abandon', id: 1 }, luck: 0 };
    expect(only(one({}, [retire])).stage).toEqual({ phase: 'draining', since: 10, why: 'aged' });
    expect(only(one({}, [kill])).stage).toEqual({ phase: 'killing', since: 10, why: 'aged' });
    expect(only(one(killing(1), [abandon])).stage).toEqual({ phase: 'zombie', since: 10, why: 'silent' });
    for (const [more, events] of [
      [draining(1), [retire, abandon]],
      [killing(1), [retire, kill]],
      [zombie(1), [retire, kill, abandon]],
      [{}, [abandon]],
    ] as const) {
      const state = pool([worker(1, more)]);
      expect(after(state, events, 10)).toBe(state);
    }
  });

  it('killing a worker that boots is a failed boot, counted once', () => {
    const kill: PoolEvent = {
      kind: 'decided',
      decision: { kind: 'kill', id: 1, why: 'boot-timeout' },
      luck: 0,
    };
    const state = one(starting(), [kill]);
    expect(state.backoff).toEqual({ failures: 1, until: 110, young: false });
    expect(after(state, [{ kind: 'exited', id: 1, luck: 0 }], 200).backoff.failures).toBe(1);
  });

  it('killing a young worker that sends garbage is a failure, killing an old one is none', () => {
    const kill: PoolEvent = { kind: 'decided', decision: { kind: 'kill', id: 1, why: 'garbage' }, luck: 0 };
    expect(one({}, [kill]).backoff).toEqual({ failures: 1, until: 110, young: true });
    expect(one({ stage: { phase: 'ready', since: -5_000 } }, [kill]).backoff.failures).toBe(0);
  });

  it('a boot forgives failed boots, but no death soon after one', () => {
    const backoff = { failures: 3, until: 5, young: true };
    const state = after(pool([worker(1, starting())], { backoff }), [{ kind: 'ready', id: 1 }], 10);
    expect(state.backoff).toBe(backoff);
  });

  it('deaths soon after the boot double the delay, up to the longest', () => {
    let state = pool([]);
    const delays: number[] = [];
    for (let id = 1, now = 0; id <= 12; id++) {
      const rules = config({ maxBootRetryDelay: 10_000 });
      const spawn: PoolEvent = { kind: 'decided', decision: { kind: 'spawn', id, generation: 1 }, luck: 0 };
      state = after(state, [spawn, { kind: 'ready', id }], now, rules);
      state = after(state, [{ kind: 'exited', id, luck: 0 }], now + 1_000, rules);
      delays.push(state.backoff.until - now - 1_000);
      now = state.backoff.until;
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, ...Array<number>(5).fill(10_000)]);
  });

  it('lateness is granted to all clocks of liveness, never past now, and to no other', () => {
    const backoff = { failures: 1, until: 500, young: false };
    const clocks = { bornAt: 10, lastBeat: 20, lastActivity: 950 };
    const state = after(
      pool([worker(1, clocks), worker(2, starting(30)), worker(3, draining(40)), worker(4, killing(50))], {
        backoff,
      }),
      [{ kind: 'late', by: 100 }],
      1000,
    );
    expect(only(state)).toMatchObject({ bornAt: 10, lastBeat: 120, lastActivity: 1000, stage: { since: 0 } });
    expect(state.workers.map(({ stage }) => stage.since)).toEqual([0, 130, 140, 150]);
    expect(state.backoff).toBe(backoff);
  });

  it('a reload makes a new generation, a roll-back returns to an old one; numbers are never used twice', () => {
    const failing = pool([], { backoff: { failures: 2, until: 900, young: false } });
    const reloaded = after(failing, [{ kind: 'reload' }]);
    expect(reloaded).toMatchObject({ generation: 2, lastGeneration: 2, backoff: { failures: 0 } });
    const back = after({ ...reloaded, backoff: failing.backoff }, [{ kind: 'rolled-back', generation: 1 }]);
    expect(back).toMatchObject({ generation: 1, lastGeneration: 2, backoff: { failures: 0 } });
    expect(after(back, [{ kind: 'reload' }]).generation).toBe(3);
  });

  it('another pace: everybody is heard anew', () => {
    const state = pool([worker(1, { lastBeat: 3 }), worker(2, { ...draining(), lastBeat: 4 })]);
    expect(after(state, [{ kind: 'paced' }], 900).workers.map(({ lastBeat }) => lastBeat)).toEqual([
      900, 900,
    ]);
  });

  it('a boot that was asked to leave keeps its time to boot, until it is ready', () => {
    const state = pool([worker(1, starting(5))]);
    const asked = after(
      state,
      [{ kind: 'decided', decision: { kind: 'retire', id: 1, why: 'asked' }, luck: 0 }],
      20,
    );
    expect(only(asked).stage).toEqual({ phase: 'draining', since: 20, why: 'asked', launchedAt: 5 });
    const rules = config({ bootTimeout: 100, graceTime: 900 });
    const isOverdue = (state: PoolState, now: number): boolean =>
      plan(state, rules, now).decisions.some(({ kind }) => kind === 'look');
    expect([104, 105].map((now) => isOverdue(asked, now))).toEqual([false, true]);
    const ready = after(asked, [{ kind: 'ready', id: 1 }], 50);
    expect([105, 919, 920].map((now) => isOverdue(ready, now))).toEqual([false, false, true]);
  });

  it('the waiting room and closing are noted', () => {
    const state = after(pool([]), [
      { kind: 'waiting', count: 4 },
      { kind: 'closing', grace: 70 },
    ]);
    expect(state).toMatchObject({ waiting: 4, closing: { until: 70 } });
    const again = (grace: number): PoolState => after(state, [{ kind: 'closing', grace }]);
    expect(again(30).closing).toEqual({ until: 30 });
    expect(again(500).closing).toEqual({ until: 70 });
    expect(after(state, [{ kind: 'late', by: 100 }]).closing).toEqual({ until: 70 });
  });
});

describe('evolve: conservation', () => {
  interface Books {
    readonly offered: number;
    readonly claims: number;
    readonly back: number;
    readonly closed: number;
  }
  type Step = (books: Books) => readonly [Books, PoolEvent] | undefined;
  const STEPS: readonly Step[] = [
    (books) => [
      { ...books, offered: books.offered + 1 },
      { kind: 'offered', id: 1 },
    ],
    (books) =>
      books.offered - books.back > books.claims
        ? [
            { ...books, claims: books.claims + 1 },
            { kind: 'claimed', id: 1 },
          ]
        : undefined,
    (books) =>
      books.offered - books.back > books.claims
        ? [
            { ...books, back: books.back + 1 },
            { kind: 'taken-back', id: 1, overdue: false },
          ]
        : undefined,
    (books) =>
      books.claims > books.closed
        ? [
            { ...books, closed: books.closed + 1 },
            { kind: 'released', id: 1 },
          ]
        : undefined,
    (books) => {
      const report = beat({ open: books.claims - books.closed, served: books.claims });
      return [books, { kind: 'beat', id: 1, beat: report }];
    },
    (books) => [books, { kind: 'late', by: 5 }],
  ];

  it('offered - taken back - closed = open, in any order that can happen', () => {
    const check = (steps: readonly Step[]): void => {
      let state = pool(ready(1));
      let books: Books = { offered: 0, claims: 0, back: 0, closed: 0 };
      for (const step of steps) {
        const [next, event] = step(books) ?? [books, { kind: 'alive', id: 1 }];
        books = next;
        state = after(state, [event]);
        expect(openOf(only(state))).toBe(books.offered - books.back - books.closed);
        expect(only(state).served).toBe(books.offered - books.back);
      }
    };
    const steps = fc.array(fc.constantFrom(...STEPS), { maxLength: 60 });
    fc.assert(fc.property(steps, check), { numRuns: 300 });
  });
});

it('the same events make the same state', () => {
  const events: readonly PoolEvent[] = [
    { kind: 'decided', decision: { kind: 'spawn', id: 1, generation: 1 }, luck: 0.5 },
    { kind: 'launched', id: 1 },
    { kind: 'ready', id: 1 },
    { kind: 'offered', id: 1 },
  ];
  expect(after(initialState(1), events, 5, config())).toEqual(after(initialState(1), events, 5, config()));
});
