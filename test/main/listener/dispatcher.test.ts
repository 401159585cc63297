import { describe, expect, it } from 'vitest';
import { ForklessError } from '../../../src/common/core/errors.ts';
import { type WorkerId } from '../../../src/common/core/types.ts';
import { type DispatcherConfig } from '../../../src/main/listener/dispatcher.ts';
import { type Candidate, type DispatchFunction } from '../../../src/main/policy/state.ts';
import { draining, ready, starting, worker } from '../policy/pool.ts';
import { connection, Rig } from './rig.ts';

describe('the dispatcher', () => {
  it('offers at once where a worker may take it, and tells', () => {
    const rig = new Rig(ready(2));
    rig.come(2);
    expect(rig.took()).toEqual(['1>1', '2>2']);
    expect(rig.told).toEqual([
      { kind: 'offered', id: 1 },
      { kind: 'offered', id: 2 },
    ]);
    expect(rig.dispatcher.waiting).toBe(0);
  });

  it('offers nothing to a worker that starts or leaves', () => {
    const rig = new Rig([worker(1, starting()), worker(2, draining())]);
    rig.come(1);
    expect(rig.took()).toEqual([]);
    expect(rig.dispatcher.waiting).toBe(1);
  });

  it('never gives a worker more than maxSessionsPerWorker', () => {
    const rig = new Rig(ready(2), { maxSessionsPerWorker: 2 });
    const all = rig.come(7);
    expect(rig.took()).toEqual(['1>1', '2>2', '3>1', '4>2']);
    for (const each of all.slice(0, 4)) rig.claim(each);
    rig.dispatcher.pump();
    expect(rig.took()).toEqual([]);
    rig.close(2);
    expect(rig.took()).toEqual(['5>2']);
  });
});

describe('waiting', () => {
  it('is in order of arrival', () => {
    const rig = new Rig(ready(1));
    const all = rig.come(4);
    for (const each of all) {
      rig.claim(each);
      rig.close(1);
    }
    expect(rig.took()).toEqual(['1>1', '2>1', '3>1', '4>1']);
    expect(rig.state.waiting).toBe(0);
  });

  it('lets nobody overtake', () => {
    const rig = new Rig(ready(1));
    const [first] = rig.come(3);
    rig.claim(first!);
    // A worker is free, but the dispatcher has not looked since.
    rig.tell({ kind: 'released', id: 1 });
    rig.come(1);
    expect(rig.took()).toEqual(['1>1']);
    rig.dispatcher.pump();
    expect(rig.took()).toEqual(['2>1']);
  });

  it('is told with each change, for the births', () => {
    const rig = new Rig([]);
    rig.come(2);
    expect(rig.state.waiting).toBe(2);
    rig.tell({ kind: 'waiting', count: 99 });
    rig.state = { ...rig.state, workers: ready(1) };
    rig.dispatcher.pump();
    expect(rig.state.waiting).toBe(1);
  });

  it('ends when the room is full', () => {
    const rig = new Rig([], { maxWaiting: 2 });
    rig.come(4);
    expect(rig.took()).toEqual(['3 waiting-room-full', '4 waiting-room-full']);
    expect(rig.dispatcher.waiting).toBe(2);
  });

  it('is impossible with maxWaiting 0, but a free worker is not', () => {
    const rig = new Rig(ready(1), { maxWaiting: 0 });
    rig.come(2);
    expect(rig.took()).toEqual(['1>1', '2 waiting-room-full']);
  });

  it('ends after waitTimeout, for each at its own time', () => {
    const rig = new Rig([], { waitTimeout: 500 });
    rig.come(1);
    rig.clock.advance(200);
    rig.come(1);
    rig.clock.advance(299);
    expect(rig.took()).toEqual([]);
    rig.clock.advance(1);
    expect(rig.took()).toEqual(['1 wait-timeout']);
    expect(rig.state.waiting).toBe(1);
    rig.clock.advance(200);
    expect(rig.took()).toEqual(['2 wait-timeout']);
    expect(rig.state.waiting).toBe(0);
    expect(rig.clock.armed).toBe(0);
  });

  it('ends at the timer set for it, whatever the rounding', () => {
    // Of these sums, one minus its start is less than the time waited.
    for (let step = 0; step < 200; step++) {
      const rig = new Rig([], { waitTimeout: 0.1 + step / 7 + 1 });
      rig.clock.advance(1_234_567.891 + step / 3);
      rig.come(1);
      rig.clock.advance(40);
      expect(rig.took()).toEqual(['1 wait-timeout']);
    }
  });

  it('ends with the peer', () => {
    const rig = new Rig([]);
    const [first, second] = rig.come(2);
    rig.dispatcher.gone(first!);
    rig.dispatcher.gone(first!);
    expect(rig.took()).toEqual(['1 gone']);
    expect(rig.state.waiting).toBe(1);
    rig.dispatcher.gone(second!);
    rig.dispatcher.pump();
    expect(rig.clock.armed).toBe(0);
  });

  it('gets a shorter end from configure', () => {
    const rig = new Rig([]);
    rig.come(1);
    rig.dispatcher.configure({ ...rig.config, waitTimeout: 100 });
    rig.clock.advance(100);
    expect(rig.took()).toEqual(['1 wait-timeout']);
  });

  it('gets a longer end from configure', () => {
    const rig = new Rig([], { waitTimeout: 100 });
    rig.come(1);
    rig.dispatcher.configure({ ...rig.config, waitTimeout: 1_000 });
    rig.clock.advance(999);
    expect(rig.took()).toEqual([]);
    rig.clock.advance(1);
    expect(rig.took()).toEqual(['1 wait-timeout']);
  });
});

describe('a connection that its worker does not take up', () => {
  const stealing = (workers: number, config: Partial<DispatcherConfig> = {}): Rig =>
    new Rig(ready(workers), { maxSessionsPerWorker: 5, stealAfter: 5, ...config });

  it('goes to a worker that rests, after stealAfter and before twice that', () => {
    const rig = stealing(2);
    rig.resting.add(2);
    rig.come(1);
    rig.clock.advance(4);
    expect(rig.took()).toEqual(['1>1']);
    rig.clock.advance(6);
    expect(rig.took()).toEqual(['1>2']);
    const [blocked, other] = rig.state.workers;
    expect(blocked).toMatchObject({ owed: 0, served: 0, stolenFrom: true, suspect: false });
    expect(other).toMatchObject({ owed: 1, served: 1, stolenFrom: false });
  });

  it('stays where it is while no worker rests', () => {
    const rig = stealing(2);
    rig.come(1);
    rig.clock.advance(900);
    expect(rig.took()).toEqual(['1>1']);
    rig.resting.add(2);
    rig.clock.advance(10);
    expect(rig.took()).toEqual(['1>2']);
  });

  it.each([
    ['sticky-address' as const],
    [(_: unknown, workers: readonly Candidate[]): WorkerId | undefined => workers[0]?.id],
  ])('stays with the worker that dispatch names: %s', (dispatch) => {
    const rig = stealing(2, { dispatch });
    rig.resting.add(1).add(2);
    rig.come(1);
    rig.clock.advance(900);
    expect(rig.took()).toHaveLength(1);
  });

  it('stays with its worker if that claims it in the same moment', () => {
    const rig = stealing(2);
    rig.resting.add(2);
    const [one] = rig.come(1);
    rig.offered.delete(one!.id);
    rig.clock.advance(100);
    expect(rig.took()).toEqual(['1>1']);
    rig.dispatcher.claimed(one!);
    rig.clock.advance(20);
    expect(rig.clock.armed).toBe(1);
  });

  it('goes on to the workers that rest, the oldest first, and stays while none does', () => {
    const rig = stealing(3);
    rig.come(3);
    expect(rig.took()).toEqual(['1>1', '2>2', '3>3']);
    rig.clock.advance(50);
    expect(rig.took()).toEqual([]);
    rig.resting.add(3);
    rig.claim(connection(3));
    rig.clock.advance(10);
    expect(rig.took()).toEqual(['1>3', '2>3']);
  });

  it('goes on with many others by halves, evenly among the workers that rest', () => {
    const rig = stealing(3, { maxSessionsPerWorker: Infinity });
    rig.come(60);
    rig.took();
    for (const id of [2, 3]) for (let each = id; each <= 60; each += 3) rig.claim(connection(each));
    rig.resting.add(2).add(3);
    rig.clock.advance(8);
    const first = rig.took();
    expect(first.length).toBe(10);
    expect(first.filter((word) => word.endsWith('>2')).length).toBe(5);
    expect(first[0]).toMatch(/^1>/);
  });

  it('does not go to an older generation', () => {
    const rig = new Rig([worker(1, { generation: 0 }), worker(2)], {
      maxSessionsPerWorker: 5,
      stealAfter: 5,
    });
    rig.resting.add(1);
    rig.come(1);
    rig.clock.advance(900);
    expect(rig.took()).toEqual(['1>2']);
  });

  it('stays while the prefork is paused, and while it closes', () => {
    const rig = stealing(2);
    rig.resting.add(2);
    rig.come(1);
    rig.dispatcher.pause();
    rig.clock.advance(20);
    rig.dispatcher.resume();
    rig.dispatcher.close();
    rig.clock.advance(900);
    expect(rig.took()).toEqual(['1>1']);
  });

  it('is not stolen because the host was late, but soon after', () => {
    const rig = stealing(2);
    rig.resting.add(2);
    rig.come(1);
    rig.clock.sleep(300);
    rig.clock.advance(0);
    expect(rig.took()).toEqual(['1>1']);
    rig.clock.advance(10);
    expect(rig.took()).toEqual(['1>2']);
  });

  it('is stolen in a host that is always late', () => {
    const rig = stealing(2);
    rig.resting.add(2);
    rig.come(1);
    for (let turn = 0; turn < 3; turn++) {
      rig.clock.sleep(300);
      rig.clock.advance(0);
    }
    expect(rig.took().slice(0, 2)).toEqual(['1>1', '1>2']);
  });

  it('leaves its worker the last choice until that gives a sign of life', () => {
    const rig = stealing(2);
    rig.resting.add(2);
    const [one] = rig.come(1);
    rig.clock.advance(10);
    rig.claim(one!);
    rig.come(1);
    expect(rig.took()).toEqual(['1>1', '1>2', '2>2']);
    rig.tell({ kind: 'alive', id: 1 });
    rig.come(1);
    expect(rig.took()).toEqual(['3>1']);
  });

  it('is stolen or not as configure says', () => {
    const rig = stealing(2, { stealAfter: Infinity });
    rig.resting.add(2);
    rig.come(1);
    rig.clock.advance(500);
    expect(rig.took()).toEqual(['1>1']);
    rig.dispatcher.configure({ ...rig.config, stealAfter: 5 });
    rig.clock.advance(10);
    expect(rig.took()).toEqual(['1>2']);
  });

  it('is looked for only while there is one', () => {
    const rig = stealing(2);
    rig.dispatcher.configure({ ...rig.config, stealAfter: 50 });
    expect(rig.clock.armed).toBe(0);
    rig.come(1);
    rig.dispatcher.close();
    const before = rig.clock.armed;
    rig.dispatcher.configure({ ...rig.config, stealAfter: 5 });
    expect(rig.clock.armed).toBe(before);
  });
});

describe('what is not claimed in time', () => {
  it('goes to another worker, and the one that let it wait gets no more', () => {
    const rig = new Rig(ready(2), { maxSessionsPerWorker: 5 });
    rig.come(1);
    rig.clock.advance(999);
    expect(rig.took()).toEqual(['1>1']);
    rig.clock.advance(1);
    expect(rig.took()).toEqual(['1>2']);
    const [hung, other] = rig.state.workers;
    expect(hung).toMatchObject({ owed: 0, suspect: true, served: 0 });
    expect(other).toMatchObject({ owed: 1, suspect: false });
    rig.come(3);
    expect(rig.took()).toEqual(['2>2', '3>2', '4>2']);
  });

  it('comes back only once', () => {
    const rig = new Rig(ready(1));
    rig.come(1);
    rig.clock.advance(1_000);
    expect(rig.told.filter(({ kind }) => kind === 'taken-back').length).toBe(1);
    rig.clock.advance(20_000);
    expect(rig.told.filter(({ kind }) => kind === 'taken-back').length).toBe(1);
    expect(rig.dispatcher.waiting).toBe(1);
    expect(rig.state.waiting).toBe(1);
  });

  it('goes before all who wait, in its own order', () => {
    const rig = new Rig(ready(1), { maxSessionsPerWorker: 3, maxWaiting: 9 });
    rig.come(1);
    rig.clock.advance(10);
    rig.come(4);
    expect(rig.took()).toEqual(['1>1', '2>1', '3>1']);
    rig.clock.advance(2_000);
    expect(rig.dispatcher.waiting).toBe(5);
    rig.tell({ kind: 'alive', id: 1 });
    rig.dispatcher.configure({ ...rig.config, maxSessionsPerWorker: 9 });
    expect(rig.took()).toEqual(['1>1', '2>1', '3>1', '4>1', '5>1']);
  });

  it('does so also when all are overdue at once', () => {
    const rig = new Rig(ready(2), { maxSessionsPerWorker: 3, maxWaiting: 9 });
    rig.come(7);
    rig.took();
    rig.clock.advance(1_000);
    expect(rig.dispatcher.waiting).toBe(7);
    rig.tell({ kind: 'alive', id: 1 });
    rig.dispatcher.pump();
    expect(rig.took()).toEqual(['1>1', '2>1', '3>1']);
  });

  it('is left to the worker that claims it in the last moment', () => {
    const rig = new Rig(ready(2));
    rig.come(1);
    // The worker has won the swap, and its word of it is still on the way.
    rig.offered.delete(1);
    rig.clock.advance(5_000);
    expect(rig.took()).toEqual(['1>1']);
    expect(rig.clock.armed).toBe(0);
  });

  it('has the claimTimeout in force', () => {
    const rig = new Rig(ready(2), { claimTimeout: 60_000 });
    rig.come(1);
    rig.dispatcher.configure({ ...rig.config, claimTimeout: 100 });
    rig.clock.advance(100);
    expect(rig.took()).toEqual(['1>1', '1>2']);
  });

  it('is dropped as gone when its peer left meanwhile', () => {
    const rig = new Rig(ready(1));
    const [one] = rig.come(1);
    one!.stream.destroy();
    rig.dispatcher.gone(one!);
    expect(rig.took()).toEqual(['1>1']);
    rig.clock.advance(1_000);
    expect(rig.took()).toEqual(['1 gone']);
    expect(rig.dispatcher.waiting).toBe(0);
  });

  it('is told as waiting when its worker goes and nobody else is there', () => {
    const rig = new Rig(ready(1));
    const [one] = rig.come(1);
    rig.offered.delete(1);
    rig.state = { ...rig.state, workers: [] };
    rig.dispatcher.takenBack([one!], 1, false);
    expect(rig.dispatcher.waiting).toBe(1);
    expect(rig.state.waiting).toBe(1);
  });

  it('is not offered again before its owner has told what became of the worker', () => {
    const rig = new Rig(ready(1), { maxSessionsPerWorker: 5 });
    const [one] = rig.come(1);
    rig.took();
    rig.offered.delete(1);
    // The thread is gone, and the pool only says so after this.
    rig.dispatcher.takenBack([one!], 1, false);
    expect(rig.took()).toEqual([]);
    rig.tell({ kind: 'exited', id: 1, luck: 0 });
    rig.dispatcher.pump();
    expect(rig.took()).toEqual([]);
    expect(rig.dispatcher.waiting).toBe(1);
  });
});

describe('a host that was suspended or blocked', () => {
  it('hears first what was claimed meanwhile', () => {
    const rig = new Rig(ready(2));
    const [one] = rig.come(1);
    rig.clock.sleep(60_000);
    rig.clock.advance(0);
    rig.claim(one!);
    rig.clock.advance(60_000);
    expect(rig.took()).toEqual(['1>1']);
    expect(rig.clock.armed).toBe(0);
  });

  it('gives nobody up for it who has waited', () => {
    const rig = new Rig([]);
    rig.come(1);
    rig.clock.sleep(60_000);
    rig.clock.advance(999);
    rig.state = { ...rig.state, workers: ready(1) };
    rig.dispatcher.pump();
    expect(rig.took()).toEqual(['1>1']);
  });

  it('grants no more than was lost, and no more than claimTimeout', () => {
    for (const lost of [400, 60_000]) {
      const rig = new Rig(ready(2));
      rig.come(1);
      rig.clock.sleep(1_000 + lost);
      rig.clock.advance(Math.min(lost, 1_000) - 1);
      expect(rig.took()).toEqual(['1>1']);
      rig.clock.advance(1);
      expect(rig.took()).toEqual(['1>2']);
    }
  });

  it('is granted the time each time, also when all was claimed before that was used', () => {
    const rig = new Rig(ready(2), { maxSessionsPerWorker: 9 });
    for (let time = 0; time < 2; time += 1) {
      const [one] = rig.come(1);
      rig.clock.sleep(60_000);
      rig.clock.advance(0);
      rig.claim(one!);
      // Nobody is waited for: the timer goes.
      rig.dispatcher.pump();
      expect(rig.clock.armed).toBe(0);
    }
    expect(rig.told.filter(({ kind }) => kind === 'taken-back')).toEqual([]);
  });

  it('finds a worker out that does not claim, though it is late each time', () => {
    const rig = new Rig(ready(2));
    rig.come(1);
    for (let turn = 0; turn < 2; turn += 1) {
      rig.clock.sleep(5_000);
      rig.clock.advance(0);
    }
    expect(rig.took()).toEqual(['1>1', '1>2']);
  });
});

describe('pause', () => {
  it('lets all wait until resume', () => {
    const rig = new Rig(ready(2));
    rig.dispatcher.pause();
    rig.come(3);
    rig.dispatcher.pump();
    expect(rig.took()).toEqual([]);
    rig.dispatcher.resume();
    expect(rig.took()).toEqual(['1>1', '2>2']);
  });

  it('stops neither waitTimeout nor what comes back', () => {
    const rig = new Rig(ready(2), { waitTimeout: 3_000 });
    rig.come(1);
    rig.took();
    rig.dispatcher.pause();
    rig.clock.advance(1_000);
    expect(rig.dispatcher.waiting).toBe(1);
    rig.clock.advance(2_000);
    expect(rig.took()).toEqual(['1 wait-timeout']);
  });
});

describe('maxConnections', () => {
  it('is exact', () => {
    const rig = new Rig(ready(3), { maxConnections: 2 });
    rig.come(1, 0);
    rig.come(1, 1);
    rig.come(1, 2);
    rig.come(1, 1);
    expect(rig.took()).toEqual(['1>1', '2>2', '3 max-connections', '4>3']);
  });
});

describe('close', () => {
  it('refuses who waits, who comes and who comes back', () => {
    const rig = new Rig(ready(1));
    const [first] = rig.come(3);
    rig.took();
    rig.dispatcher.close();
    expect(rig.took()).toEqual(['2 closing', '3 closing']);
    expect(rig.state.waiting).toBe(0);
    rig.come(1);
    expect(rig.took()).toEqual(['4 closing']);
    rig.offered.delete(1);
    rig.dispatcher.takenBack([first!], 1, false);
    expect(rig.took()).toEqual(['1 closing']);
    expect(rig.clock.armed).toBe(0);
  });

  it('leaves no timer when the last is claimed afterwards', () => {
    const rig = new Rig(ready(1));
    const [first] = rig.come(1);
    rig.dispatcher.close();
    rig.claim(first!);
    expect(rig.clock.armed).toBe(0);
  });

  it('takes overdue ones back to refuse them', () => {
    const rig = new Rig(ready(1));
    rig.come(1);
    rig.dispatcher.close();
    rig.clock.advance(1_000);
    expect(rig.took()).toEqual(['1>1', '1 closing']);
    expect(rig.clock.armed).toBe(0);
  });
});

describe('a dispatch function', () => {
  const codeOf = (error: unknown): string | undefined =>
    error instanceof ForklessError ? error.code : undefined;

  it('chooses among those who may take the connection', () => {
    const seen: unknown[] = [];
    const dispatch: DispatchFunction = (addresses, workers) => {
      seen.push([addresses.remoteAddress, workers.map(({ id }) => id)]);
      return workers.at(-1)?.id;
    };
    const rig = new Rig(ready(2), { dispatch });
    rig.come(3);
    expect(rig.took()).toEqual(['1>2', '2>1']);
    expect(seen).toEqual([
      ['192.0.2.1', [1, 2]],
      ['192.0.2.2', [1]],
    ]);
  });

  it.each([null, undefined])('lets a connection wait with %s, not those behind it', (nobody) => {
    let wanted = 2;
    const dispatch: DispatchFunction = ({ remoteAddress }, [first]) =>
      remoteAddress === `192.0.2.${wanted}` ? first?.id : nobody;
    const rig = new Rig(ready(2), { dispatch });
    rig.come(2);
    expect(rig.took()).toEqual([]);
    rig.dispatcher.pump();
    expect(rig.took()).toEqual(['2>1']);
    wanted = 1;
    rig.dispatcher.pump();
    expect(rig.took()).toEqual(['1>2']);
    expect(rig.state.waiting).toBe(0);
  });

  it.each<[string, DispatchFunction]>([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['names a stranger', () => 77],
    ['names one that may not take it', () => 2],
  ])('that %s costs that connection, with the error', (_, dispatch) => {
    const rig = new Rig([worker(1), worker(2, draining())], { dispatch });
    rig.come(1);
    expect(rig.took()).toEqual(['1 dispatch-failed']);
    expect(codeOf(rig.drops.get(1))).toBe('FORKLESS_DISPATCH_FAILED');
    expect(rig.told.some(({ kind }) => kind === 'offered')).toBe(false);
  });

  it('that throws later costs those who wait, and the count is right', () => {
    let broken = false;
    const dispatch: DispatchFunction = () => {
      if (broken) throw new Error('mine');
      return null;
    };
    const rig = new Rig(ready(1), { dispatch });
    rig.come(2);
    broken = true;
    rig.dispatcher.pump();
    expect(rig.took()).toEqual(['1 dispatch-failed', '2 dispatch-failed']);
    expect(rig.state.waiting).toBe(0);
    expect(rig.clock.armed).toBe(0);
  });

  it('may call what offers, and no connection goes out twice', () => {
    let wanted = false;
    const dispatch: DispatchFunction = (_, workers) => {
      if (!wanted) return null;
      rig.dispatcher.resume();
      return workers[0]?.id;
    };
    const rig = new Rig(ready(3), { dispatch });
    rig.come(2);
    wanted = true;
    rig.dispatcher.pump();
    expect(rig.took()).toEqual(['1>1', '2>2']);
  });

  it('may not be async: a promise is no worker', () => {
    // Types forbid it; plain JavaScript does not.
    const dispatch = (() => Promise.resolve(1)) as unknown as DispatchFunction;
    const rig = new Rig(ready(1), { dispatch });
    rig.come(1);
    expect(rig.took()).toEqual(['1 dispatch-failed']);
  });
});
