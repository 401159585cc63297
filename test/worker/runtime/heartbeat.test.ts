import { beforeEach, describe, expect, it } from 'vitest';
import { Heartbeat } from '../../../src/worker/runtime/heartbeat.ts';

const PACE = { every: 100, atRest: 300 };

let now: number;
let due: { at: number; run: () => void } | undefined;
let beats: number[];
let open: number;
let utilization: number;
let looks: number;
let heartbeat: Heartbeat;

/** Lets the time pass to the given instant. */
function until(end: number): void {
  while (due && due.at <= end) {
    now = due.at;
    const { run } = due;
    due = undefined;
    run();
  }
  now = end;
}

beforeEach(() => {
  [now, open, utilization, looks, due, beats] = [0, 0, 0, 0, undefined, []];
  const thread = {
    after: (delay: number, run: () => void) => {
      expect(due, 'one timer').toBeUndefined();
      const mine = { at: now + delay, run };
      due = mine;
      return () => {
        if (due === mine) due = undefined;
      };
    },
    vitals: () => {
      looks += 1;
      return { utilization, heap: 1, external: 2 };
    },
  };
  heartbeat = new Heartbeat(
    thread,
    () => ({ open, served: 7 }),
    (beat) => {
      expect(beat).toEqual({ kind: 'beat', open, served: 7, utilization, heap: 1, external: 2 });
      beats.push(now);
    },
  );
});

describe('a heartbeat', () => {
  it('is slower while the worker rests, after one at the usual pace that says so', () => {
    heartbeat.keep(PACE);
    until(1_000);
    expect(beats).toEqual([100, 400, 700, 1_000]);
  });

  it('is not slower with a connection open', () => {
    open = 1;
    heartbeat.keep(PACE);
    until(400);
    expect(beats).toEqual([100, 200, 300, 400]);
  });

  it('is not slower while the worker has something else to do', () => {
    utilization = 0.02;
    heartbeat.keep(PACE);
    until(400);
    expect(beats).toEqual([100, 200, 300, 400]);
  });

  it('comes soon once there is something to do again, and is put off by nothing that follows', () => {
    heartbeat.keep(PACE);
    until(150);
    open = 1;
    heartbeat.stir();
    until(200);
    heartbeat.stir();
    until(350);
    expect(beats).toEqual([100, 250, 350]);
  });

  it('is not put off where it is no slower at rest', () => {
    heartbeat.keep({ every: 100, atRest: 100 });
    until(190);
    heartbeat.stir();
    until(400);
    expect(beats).toEqual([100, 200, 300, 400]);
  });

  it('comes out of turn when asked for, and from then on in turn', () => {
    open = 1;
    heartbeat.keep(PACE);
    until(150);
    heartbeat.beat();
    until(400);
    expect(beats).toEqual([100, 150, 250, 350]);
  });

  it('tells first of the time since it began to beat', () => {
    const asked = looks;
    heartbeat.keep(PACE);
    expect(looks).toBe(asked + 1);
  });

  it('takes another pace at once', () => {
    heartbeat.keep(PACE);
    until(150);
    heartbeat.keep({ every: 10, atRest: 1_000 });
    until(900);
    expect(beats).toEqual([100, 160]);
  });

  it('stops, and is not stirred up any more', () => {
    heartbeat.keep(PACE);
    until(150);
    heartbeat.stop();
    heartbeat.stir();
    heartbeat.beat();
    until(900);
    expect(beats).toEqual([100]);
  });
});
