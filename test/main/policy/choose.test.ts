import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choose, type ChooseConfig, MAX_OPEN, MAX_OWED } from '../../../src/main/policy/choose.ts';
import { type Candidate, type Dispatch, type WorkerRecord } from '../../../src/main/policy/state.ts';
import { description, made } from '../../hostile.ts';
import { after, beat, draining, killing, pool, ready, starting, worker, zombie } from './pool.ts';

const rules = (dispatch: Dispatch, more: Partial<ChooseConfig> = {}): ChooseConfig => ({
  minWorkers: Infinity,
  maxSessionsPerWorker: Infinity,
  maxServed: Infinity,
  servedJitter: 0,
  growUtilization: Infinity,
  dispatch,
  ...more,
});
const peer = { remoteAddress: '192.0.2.1', remotePort: 5 };
const pick = (workers: readonly WorkerRecord[], dispatch: Dispatch, more: Partial<ChooseConfig> = {}) =>
  choose(pool(workers), rules(dispatch, more), peer);

const ALL: readonly Dispatch[] = [
  'least-open',
  'round-robin',
  'least-busy',
  'sticky-address',
  (_, [first]) => first?.id,
];

describe.each(ALL)('choose %s: who may take a connection', (dispatch) => {
  it.each<[string, Partial<WorkerRecord>, Partial<ChooseConfig>]>([
    ['starting', starting(), {}],
    ['draining', draining(), {}],
    ['killing', killing(), {}],
    ['a zombie', zombie(), {}],
    ['paused', { paused: true }, {}],
    ['suspect', { suspect: true }, {}],
    ['asked to leave', { asked: true }, {}],
    ['broken', { broken: true }, {}],
    ['full', { claimed: 1, owed: 1 }, { maxSessionsPerWorker: 2 }],
    ['full by its own limit', { claimed: 1, owed: 1, maxSessions: 2 }, { maxSessionsPerWorker: 3 }],
    ['full, and wanting more', { claimed: 1, owed: 1, maxSessions: 3 }, { maxSessionsPerWorker: 2 }],
    ['used up', { served: 3 }, { maxServed: 3 }],
    ['used up early by luck', { served: 2, luck: 0.9 }, { maxServed: 3, servedJitter: 0.5 }],
    ['owing as many claims as there are slots', { owed: MAX_OWED }, {}],
    ['having as many connections as one worker may have', { claimed: MAX_OPEN }, {}],
  ])('not one that is %s', (_, more, config) => {
    expect(pick([worker(1, more)], dispatch, config)).toBeUndefined();
    expect(pick([worker(1, more), worker(2, { claimed: 1, served: 1 })], dispatch, config)).toBe(2);
  });

  it('exactly maxServed and maxSessionsPerWorker connections, settled at the offer', () => {
    const limits = rules(dispatch, { maxServed: 5, maxSessionsPerWorker: 5 });
    let state = pool(ready(3));
    for (let offered = 0; offered < 15; offered++) {
      const id = choose(state, limits, peer);
      if (id === undefined) throw new Error('nobody');
      state = after(state, [
        { kind: 'offered', id },
        { kind: 'claimed', id },
      ]);
    }
    expect(choose(state, limits, peer)).toBeUndefined();
    expect(state.workers.map(({ claimed }) => claimed)).toEqual([5, 5, 5]);
  });

  it('nobody of an empty pool', () => {
    expect(pick([], dispatch)).toBeUndefined();
  });
});

describe('choose: in turns, of a range', () => {
  const turns = (used: readonly number[], more: Partial<ChooseConfig> = {}): (number | undefined)[] => {
    const limits = rules('round-robin', { minWorkers: 1, growUtilization: 0.8, ...more });
    let state = pool(used.map((utilization, index) => worker(index + 1, { beat: beat({ utilization }) })));
    return Array.from({ length: 4 }, () => {
      const id = choose(state, limits, peer);
      if (id !== undefined)
        state = after(state, [
          { kind: 'offered', id },
          { kind: 'claimed', id },
        ]);
      return id;
    });
  };

  it.each<[string, readonly number[], Partial<ChooseConfig>, readonly number[]]>([
    ['the least number while they rest', [0, 0, 0], { minWorkers: 2 }, [1, 2, 1, 2]],
    ['one where none must stay', [0, 0, 0], { minWorkers: 0 }, [1, 1, 1, 1]],
    ['as many as the load justifies', [0.3, 0.3, 0.1], {}, [1, 2, 1, 2]],
    ['all while they are busy', [0.5, 0.5, 0.5], {}, [1, 2, 3, 1]],
    ['others where those are full', [0, 0, 0], { maxSessionsPerWorker: 1 }, [1, 2, 3]],
    ['all where it is no range', [0, 0, 0], { growUtilization: Infinity }, [1, 2, 3, 1]],
  ])('%s', (_, used, more, expected) => {
    expect(turns(used, more).filter((id) => id !== undefined)).toEqual(expected);
  });
});

describe('choose: whom', () => {
  it.each<[string, Dispatch, readonly Partial<WorkerRecord>[], number]>([
    ['fewest open', 'least-open', [{ claimed: 2 }, { claimed: 1 }, { claimed: 3 }], 2],
    [
      'of equals the least recent offer',
      'least-open',
      [{ lastOffer: 7 }, { lastOffer: 5 }, { lastOffer: 6 }],
      2,
    ],
    ['of full equals the first born', 'least-open', [{}, {}, {}], 1],
    ['who owes a claim last', 'least-open', [{ owed: 1 }, { claimed: 9 }], 2],
    ['who owes a claim if all do', 'least-open', [{ owed: 2 }, { owed: 1 }], 2],
    ['who let a connection be stolen last', 'least-open', [{ stolenFrom: true }, { claimed: 5 }], 2],
    [
      'who let one be stolen after those that owe a claim',
      'least-open',
      [{ stolenFrom: true }, { owed: 9 }],
      2,
    ],
    ['an older generation after the new', 'least-open', [{ generation: 0 }, { claimed: 5 }], 2],
    ['an older generation after one that owes', 'least-open', [{ owed: 1 }, { generation: 0 }], 1],
    ['in turns, an older generation last', 'round-robin', [{ generation: 0 }, { lastOffer: 9 }], 2],
    [
      'the least busy, an older generation last',
      'least-busy',
      [{ generation: 0 }, { beat: beat({ utilization: 1 }) }],
      2,
    ],
    ['an address, an older generation last', 'sticky-address', [{ generation: 0 }, {}, { generation: 0 }], 2],
    ['by a function, an older generation last', (_, [first]) => first?.id, [{ generation: 0 }, {}], 2],
    ['an older generation where no other may', 'least-open', [{ paused: true }, { generation: 0 }], 2],
    ['in turns', 'round-robin', [{ lastOffer: 3 }, { lastOffer: 1, claimed: 50 }, { lastOffer: 2 }], 2],
    ['in turns, who owes last', 'round-robin', [{ lastOffer: 3 }, { lastOffer: 1, owed: 1 }], 1],
    [
      'the least busy',
      'least-busy',
      [{ beat: beat({ utilization: 0.9 }) }, { beat: beat({ utilization: 0.2 }), claimed: 9 }],
      2,
    ],
    [
      'busy in tenths, then open',
      'least-busy',
      [
        { beat: beat({ utilization: 0.21 }), claimed: 2 },
        { beat: beat({ utilization: 0.29 }), claimed: 1 },
      ],
      2,
    ],
    ['busy, then least recent', 'least-busy', [{ lastOffer: 2 }, { lastOffer: 1 }], 2],
    ['busy, who owes last', 'least-busy', [{ owed: 1 }, { beat: beat({ utilization: 1 }) }], 2],
  ])('%s (%s)', (_, dispatch, workers, expected) => {
    expect(
      pick(
        workers.map((more, index) => worker(index + 1, more)),
        dispatch,
      ),
    ).toBe(expected);
  });

  const BURST = 50;

  it.each(ALL)('a burst while a reload goes on: all to the new generation (%s)', (dispatch) => {
    let state = pool([...ready(3, { generation: 0 }), worker(4), worker(5)]);
    for (let n = 0; n < BURST; n++) {
      const id = choose(state, rules(dispatch), { remoteAddress: `192.0.2.${n}` });
      expect(id).toBeGreaterThan(3);
      // Nobody claims in the turn in which they all come.
      state = after(state, [{ kind: 'offered', id: id! }]);
    }
  });

  it.each<[string, number, readonly Partial<WorkerRecord>[], number]>([
    ['of equals one that always stays', 2, [{ lastOffer: 8 }, { lastOffer: 9 }, {}], 1],
    ['even of a pool without a minimum the oldest', 0, [{ lastOffer: 8 }, {}], 1],
    ['another where those that stay have more', 1, [{ claimed: 1 }, { lastOffer: 5 }], 2],
    ['workers of a generation that goes do not stay', 1, [{ generation: 0 }, {}, { lastOffer: 1 }], 2],
  ])('when the load is over, others may rest: %s', (_, minWorkers, workers, expected) => {
    const records = workers.map((more, index) => worker(index + 1, more));
    expect(pick(records, 'least-open', { minWorkers })).toBe(expected);
  });

  const sticky = (workers: readonly WorkerRecord[], remoteAddress?: string) =>
    choose(pool(workers), rules('sticky-address'), { remoteAddress });
  const addresses = Array.from({ length: 2000 }, (_, n) => `10.0.${Math.floor(n / 250)}.${n % 250}`);

  it('an address sticks, whatever the load, and only those of a worker that goes move', () => {
    const five = ready(5);
    const loaded = five.map((each) => ({ ...each, claimed: each.id, lastOffer: 9 - each.id }));
    for (const address of addresses) {
      const chosen = sticky(five, address);
      expect(sticky(loaded, address)).toBe(chosen);
      if (chosen !== 3)
        expect(
          sticky(
            five.filter(({ id }) => id !== 3),
            address,
          ),
        ).toBe(chosen);
    }
  });

  it('addresses spread evenly', () => {
    const counts = new Map<number | undefined, number>();
    for (const address of addresses) {
      const chosen = sticky(ready(5), address);
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    expect(counts.size).toBe(5);
    for (const count of counts.values()) expect(Math.abs(count - 400)).toBeLessThan(80);
  });

  it('without an address the fewest open', () => {
    expect(sticky([worker(1, { claimed: 1 }), worker(2)])).toBe(2);
  });
});

describe('choose by a function', () => {
  const workers = [worker(1, { paused: true }), worker(2, { owed: 1, claimed: 2, served: 8 }), worker(3)];

  it('shows it the addresses and those that may take the connection', () => {
    const seen: unknown[] = [];
    const dispatch: Dispatch = (connection, candidates: readonly Candidate[]) => {
      seen.push(connection, candidates);
      return 3;
    };
    expect(pick(workers, dispatch)).toBe(3);
    expect(seen).toEqual([
      peer,
      [
        { id: 2, open: 3, owed: 1, served: 8, utilization: 0 },
        { id: 3, open: 0, owed: 0, served: 0, utilization: 0 },
      ],
    ]);
  });

  it('is not asked if nobody may', () => {
    const dispatch: Dispatch = () => {
      throw new Error('asked');
    };
    expect(pick([worker(1, { paused: true })], dispatch)).toBeUndefined();
  });

  it.each([null, undefined])('%s lets the connection wait', (named) => {
    expect(pick(workers, () => named)).toBeUndefined();
  });

  it.each([1, 77, NaN])('naming %s, who may not, is an error', (named) => {
    expect(() => pick(workers, () => named)).toThrow(
      expect.objectContaining({
        code: 'FORKLESS_DISPATCH_FAILED',
        message: `The \`dispatch\` function named ${named}, which is no worker that may take the connection`,
      }),
    );
  });

  it('whatever is thrown or named, it is that error', () => {
    fc.assert(
      fc.property(description, (given) => {
        const failed = expect.objectContaining({ code: 'FORKLESS_DISPATCH_FAILED' }) as Error;
        const throws: Dispatch = () => {
          throw made(given);
        };
        expect(() => pick(workers, throws)).toThrow(failed);
        const named = made(given) as number | undefined | null;
        if (named === undefined || named === null) return;
        expect(() => pick(workers, () => named)).toThrow(failed);
      }),
    );
  });

  it('a throw is an error with that cause', () => {
    const cause = new Error('mine');
    const dispatch: Dispatch = () => {
      throw cause;
    };
    expect(() => pick(workers, dispatch)).toThrow(
      expect.objectContaining({
        code: 'FORKLESS_DISPATCH_FAILED',
        cause,
        message: 'The `dispatch` function threw',
      }),
    );
  });
});
