import { describe, expect, it } from 'vitest';
import { Takeover, type WatchedHub } from '../../../src/main/listener/takeover.ts';
import { FakeClock } from '../master/fake-clock.ts';

/** A worker that was sent so many bytes and has read some of them. */
class FakeHub implements WatchedHub {
  sent = 0;
  read = 0;
  /** Connections at rest with input that it has not taken. */
  waiting = 0;
  taken = 0;

  hasRead(cursor: number): boolean {
    return this.read >= cursor;
  }

  takeWaiting(): number {
    const { waiting } = this;
    this.taken += waiting;
    this.waiting = 0;
    return waiting;
  }
}

function rig(after = 5): {
  clock: FakeClock;
  hubs: [FakeHub, FakeHub];
  watch: Takeover;
  stalled: number[];
  free: { is: boolean };
} {
  const clock = new FakeClock();
  const hubs: [FakeHub, FakeHub] = [new FakeHub(), new FakeHub()];
  const stalled: number[] = [];
  const free = { is: true };
  const watch = new Takeover({
    clock,
    hubs: () => hubs.map((hub, at) => [at + 1, hub] as const),
    hasFreeFor: () => free.is,
    stalls: (worker) => stalled.push(worker),
    after,
  });
  return { clock, hubs, watch, stalled, free };
}

describe('input that a worker does not take up', () => {
  it('is taken once the worker has read nothing of it from one look to the next', () => {
    const { clock, hubs, watch, stalled } = rig();
    const [blocked, other] = hubs;
    blocked.sent = other.sent = 100;
    blocked.waiting = other.waiting = 3;
    watch.wake();
    clock.advance(5);
    expect([blocked.taken, stalled]).toEqual([0, []]);
    other.read = 100;
    clock.advance(5);
    expect([blocked.taken, other.taken, stalled]).toEqual([3, 0, [1]]);
  });

  it('stays where no worker rests, and is looked for until one does', () => {
    const { clock, hubs, watch, free } = rig();
    hubs[0].sent = 10;
    hubs[0].waiting = 1;
    free.is = false;
    watch.wake();
    clock.advance(50);
    expect(hubs[0].taken).toBe(0);
    free.is = true;
    clock.advance(5);
    expect(hubs[0].taken).toBe(1);
  });

  it('stays with a worker that reads on', () => {
    const { clock, hubs, watch } = rig();
    const [busy] = hubs;
    busy.waiting = 1;
    for (let look = 0; look < 20; look += 1) {
      busy.sent += 10;
      watch.wake();
      clock.advance(5);
      busy.read = busy.sent;
    }
    expect(busy.taken).toBe(0);
  });

  it('has no timer once all is read, and none with Infinity', () => {
    const { clock, hubs, watch } = rig();
    hubs[0].sent = 10;
    watch.wake();
    expect(clock.next).toBe(clock.now() + 5);
    hubs[0].read = 10;
    clock.advance(5);
    expect(clock.next).toBe(Infinity);
    watch.configure(Infinity);
    watch.wake();
    expect(clock.next).toBe(Infinity);
  });

  it('is looked for with a new stealAfter, though nothing more is sent', () => {
    const { clock, hubs, watch } = rig(Infinity);
    hubs[0].sent = 10;
    hubs[0].waiting = 1;
    watch.wake();
    watch.configure(20);
    clock.advance(40);
    expect(hubs[0].taken).toBe(1);
  });

  it('is not looked for again where nothing could be taken, until more is sent', () => {
    const { clock, hubs, watch } = rig();
    const [stuck] = hubs;
    stuck.sent = 10;
    watch.wake();
    clock.advance(50);
    stuck.waiting = 1;
    clock.advance(50);
    expect(stuck.taken).toBe(0);
    stuck.sent = 20;
    clock.advance(10);
    expect(stuck.taken).toBe(1);
  });

  it('is given one look more by a host that was late, and no second one', () => {
    const { clock, hubs, watch } = rig();
    hubs[0].sent = 10;
    hubs[0].waiting = 1;
    watch.wake();
    clock.advance(5);
    for (const taken of [0, 1]) {
      clock.sleep(1_000);
      clock.fireNext();
      expect(hubs[0].taken).toBe(taken);
    }
  });
});
