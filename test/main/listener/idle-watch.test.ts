import { describe, expect, it } from 'vitest';
import { type CloseReason } from '../../../src/common/core/types.ts';
import { IdleWatch, type IdleLimits } from '../../../src/main/listener/idle-watch.ts';
import { type ConnectionSide } from '../../../src/main/relay/connection-side.ts';
import { FakeClock } from '../master/fake-clock.ts';

/** As much of a connection as is looked at. */
class FakeEnd {
  moved = 0;
  bytesRead = 0;
  readonly closed: { reason: CloseReason; at: number }[] = [];
  readonly #rig: Rig;

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  timeOut(reason: CloseReason): void {
    this.closed.push({ reason, at: this.#rig.clock.now() });
    this.#rig.ends.delete(this);
  }

  reads(): void {
    this.moved += 1;
    this.bytesRead += 1;
  }
}

class Rig {
  readonly clock = new FakeClock();
  readonly ends = new Set<FakeEnd>();
  readonly watch: IdleWatch;

  constructor(limits: Partial<IdleLimits> = {}) {
    this.watch = new IdleWatch(this.clock, () => this.ends as unknown as Iterable<ConnectionSide>, {
      idleTimeout: 1_000,
      firstByteTimeout: 400,
      ...limits,
    });
  }

  opens(): FakeEnd {
    const end = new FakeEnd(this);
    this.ends.add(end);
    this.watch.wake();
    return end;
  }
}

describe('the idle watch', () => {
  it.each([0, 1, 99, 100, 399])(
    'closes a peer that never sends, after once to one and a quarter times firstByteTimeout; come at %i',
    (at) => {
      const rig = new Rig();
      rig.opens();
      rig.clock.advance(at);
      const end = rig.opens();
      rig.clock.advance(5_000);
      expect(end.closed).toMatchObject([{ reason: 'first-byte-timeout' }]);
      expect(end.closed[0]!.at - at).toBeGreaterThanOrEqual(400);
      expect(end.closed[0]!.at - at).toBeLessThanOrEqual(500);
    },
  );

  it('closes a peer that has sent after idleTimeout without a byte either way', () => {
    const rig = new Rig();
    const end = rig.opens();
    end.reads();
    rig.clock.advance(350);
    end.moved += 5;
    rig.clock.advance(1_000);
    expect(end.closed).toEqual([]);
    rig.clock.advance(200);
    expect(end.closed).toMatchObject([{ reason: 'idle-timeout' }]);
  });

  it('closes nobody on whom something moves, in whichever direction', () => {
    const rig = new Rig();
    const [reader, writer] = [rig.opens(), rig.opens()];
    for (let n = 0; n < 100; n += 1) {
      reader.reads();
      writer.moved += 1;
      rig.clock.advance(390);
    }
    expect([reader.closed, writer.closed]).toEqual([[], []]);
  });

  it('counts no time during which its host was late', () => {
    const rig = new Rig();
    const end = rig.opens();
    rig.clock.advance(390);
    rig.clock.sleep(3_600_000);
    rig.clock.advance(0);
    expect(end.closed).toEqual([]);
    end.reads();
    rig.clock.advance(900);
    expect(end.closed).toEqual([]);
  });

  it('has one timer for all, and none without a connection, without a limit or once stopped', () => {
    const rig = new Rig();
    expect(rig.clock.armed).toBe(0);
    const ends = Array.from({ length: 50 }, () => rig.opens());
    expect(rig.clock.armed).toBe(1);
    rig.clock.advance(5_000);
    expect(ends.every(({ closed }) => closed.length === 1)).toBe(true);
    expect(rig.clock.armed).toBe(0);
    rig.opens();
    rig.watch.stop();
    expect(rig.clock.armed).toBe(0);
    const free = new Rig({ idleTimeout: Infinity, firstByteTimeout: Infinity });
    free.opens();
    expect(free.clock.armed).toBe(0);
  });

  it('takes new limits at once, and starts counting anew', () => {
    const rig = new Rig({ idleTimeout: Infinity, firstByteTimeout: Infinity });
    const end = rig.opens();
    rig.clock.advance(10_000);
    rig.watch.configure({ idleTimeout: 80, firstByteTimeout: Infinity });
    rig.clock.advance(79);
    expect(end.closed).toEqual([]);
    rig.clock.advance(25);
    expect(end.closed).toMatchObject([{ reason: 'idle-timeout' }]);
  });
});
