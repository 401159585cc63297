import { describe, expect, it } from 'vitest';
import { Master } from '../../../src/main/master/master.ts';
import { resolvePolicy, type PolicyOptions } from '../../../src/main/policy/config.ts';
import { isReady } from '../../../src/main/policy/state.ts';
import { beat } from '../policy/pool.ts';
import { FakeClock } from './fake-clock.ts';

/** A master whose crew only writes down what it is told. */
class Rig {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  readonly deferred: (() => void)[] = [];
  readonly master: Master;
  turns = 0;
  drawn = 0;
  random = 0.5;
  onPerform: (what: string, id: number) => void = () => undefined;
  /** Who stands in a debugger. */
  readonly debugged = new Set<number>();

  constructor(options: PolicyOptions = {}) {
    const perform = (what: string, id: number, why = ''): void => {
      this.log.push(`${what} ${id} ${why}`.trim());
      this.onPerform(what, id);
    };
    this.master = new Master({
      config: resolvePolicy({ minUptime: 1, ...options }),
      clock: this.clock,
      random: () => {
        this.drawn++;
        return this.random;
      },
      crew: {
        spawn: (id) => {
          perform('spawn', id);
        },
        retire: (id, why) => {
          perform('retire', id, why);
        },
        kill: (id, why) => {
          perform('kill', id, why);
        },
        look: (id) => {
          this.master.tell({ kind: 'looked', id, debugged: this.debugged.has(id) });
        },
        abandon: (id) => {
          perform('abandon', id);
        },
      },
      defer: (run) => {
        this.deferred.push(run);
      },
      turned: () => {
        this.turns++;
      },
    });
    this.clock.afterFiring = () => {
      this.turn();
    };
  }

  /** Runs what was put off to the end of the turn; how many there were. */
  turn(): number {
    let count = 0;
    for (let run = this.deferred.shift(); run !== undefined; run = this.deferred.shift()) {
      count++;
      run();
    }
    return count;
  }

  /** Takes what was performed since the last look. */
  took(): string[] {
    return this.log.splice(0);
  }

  /** Starts and lets every worker get ready. */
  up(): this {
    this.master.start();
    for (const { id } of this.master.state.workers) this.ready(id);
    this.turn();
    this.took();
    return this;
  }

  ready(id: number): void {
    this.master.tell({ kind: 'launched', id });
    this.master.tell({ kind: 'ready', id });
  }

  beats(): void {
    for (const { id } of this.master.state.workers) this.master.tell({ kind: 'beat', id, beat: beat() });
    this.turn();
  }
}

const THREE: PolicyOptions = { startWorkers: 3, maxWorkers: 6, masterHeartbeat: 1_000 };

describe('the fake clock', () => {
  it('fires in order of time, then of sequence', () => {
    const clock = new FakeClock();
    const log: string[] = [];
    const note = (at: number, name: string): (() => void) =>
      clock.callAt(at, () => log.push(`${name}@${clock.now()}`));
    note(20, 'late');
    note(10, 'a');
    const cancel = note(10, 'never');
    note(10, 'b');
    note(-5, 'past');
    cancel();
    cancel();
    expect(clock.armed).toBe(4);
    clock.advance(15);
    expect(log).toEqual(['past@0', 'a@10', 'b@10']);
    expect([clock.now(), clock.armed, clock.next]).toEqual([15, 1, 20]);
  });

  it('also fires what is armed meanwhile, and gives up on what never ends', () => {
    const clock = new FakeClock();
    let fired = 0;
    const again = (): void => {
      fired++;
      clock.callAt(clock.now(), again);
    };
    again();
    expect(() => {
      clock.advance(1);
    }).toThrow('100000 timers');
    expect(fired).toBe(100_001);
  });
});

describe('the master', () => {
  it('brings up the first workers at once', () => {
    const rig = new Rig(THREE);
    expect(rig.log).toEqual([]);
    rig.master.start();
    expect(rig.log).toEqual(['spawn 1', 'spawn 2', 'spawn 3']);
    expect(rig.turns).toBe(1);
  });

  it('takes events in at once and plans once a turn', () => {
    const rig = new Rig(THREE).up();
    const turns = rig.turns;
    rig.clock.advance(1);
    for (const id of [1, 2, 3]) rig.master.tell({ kind: 'exited', id, luck: 0 });
    rig.master.tell({ kind: 'waiting', count: 1 });
    expect(rig.master.state.workers).toEqual([]);
    expect(rig.took()).toEqual([]);
    expect(rig.turn()).toBe(1);
    expect(rig.turns).toBe(turns + 1);
    expect(rig.took()).toEqual(['spawn 4', 'spawn 5', 'spawn 6']);
  });

  it('does nothing before it is started', () => {
    const rig = new Rig(THREE);
    rig.master.tell({ kind: 'waiting', count: 1 });
    rig.master.configure(rig.master.config);
    expect(rig.turn()).toBe(0);
    expect(rig.clock.armed).toBe(0);
    expect(rig.master.state.waiting).toBe(1);
  });

  it('has exactly one timer, whatever happens', () => {
    const rig = new Rig({ ...THREE, maxLifetime: 5_000, maxSpareTime: 700 });
    rig.master.start();
    expect(rig.clock.armed).toBe(1);
    for (let step = 0; step < 400; step++) {
      const { workers } = rig.master.state;
      for (const { id, stage } of workers) {
        if (stage.phase === 'starting') rig.ready(id);
        if (stage.phase === 'draining') rig.master.tell({ kind: 'exited', id, luck: 0.5 });
      }
      rig.beats();
      expect(rig.clock.armed).toBe(1);
      rig.clock.advance(97);
      expect(rig.clock.armed).toBe(1);
      expect(rig.clock.next).toBeGreaterThan(rig.clock.now());
      expect(rig.clock.next).toBeLessThanOrEqual(rig.clock.now() + 1_000);
    }
    expect(rig.took().length).toBeGreaterThan(10);
  });

  it('looks again with each heartbeat though nothing happens', () => {
    const rig = new Rig({ ...THREE, workerExpireTime: Infinity }).up();
    const turns = rig.turns;
    rig.clock.advance(10_000);
    expect(rig.turns).toBe(turns + 10);
  });

  it('has no timer and takes no turn after its stop', () => {
    const rig = new Rig(THREE).up();
    const turns = rig.turns;
    rig.master.tell({ kind: 'exited', id: 1, luck: 0 });
    rig.master.stop();
    rig.turn();
    rig.master.tell({ kind: 'exited', id: 2, luck: 0 });
    rig.master.configure(rig.master.config);
    expect(rig.turn()).toBe(0);
    expect(rig.clock.armed).toBe(0);
    expect(rig.turns).toBe(turns);
    expect(rig.took()).toEqual([]);
  });

  it('has no timer when it is stopped in the middle of a turn', () => {
    const rig = new Rig({ ...THREE, workerExpireTime: Infinity }).up();
    rig.clock.advance(100);
    rig.onPerform = () => {
      rig.master.stop();
    };
    rig.master.tell({ kind: 'exited', id: 1, luck: 0 });
    rig.turn();
    expect(rig.took()).toEqual(['spawn 4']);
    expect(rig.clock.armed).toBe(0);
  });

  it('arms its timer anew when that fired too early', () => {
    const rig = new Rig({ ...THREE, workerExpireTime: 900 });
    const { clock, master } = rig;
    const callAt = clock.callAt.bind(clock);
    clock.callAt = (at, due) => callAt(clock.now() < 800 ? at - 0.5 : at, due);
    master.start();
    for (const { id } of master.state.workers) rig.ready(id);
    rig.turn();
    rig.took();
    clock.advance(899.5);
    expect(clock.armed).toBe(1);
    expect(rig.took()).toEqual([]);
    clock.advance(0.5);
    expect(rig.took().filter((what) => what.endsWith('silent')).length).toBe(3);
  });

  it('can be started again', () => {
    const rig = new Rig({ ...THREE, workerExpireTime: Infinity }).up();
    rig.master.stop();
    rig.master.start();
    expect(rig.clock.armed).toBe(1);
  });

  it('may be told things while it performs', () => {
    const rig = new Rig(THREE).up();
    rig.onPerform = (what, id) => {
      if (what === 'spawn' && id < 8) rig.master.tell({ kind: 'exited', id, luck: 0 });
      else if (what === 'spawn') rig.ready(id);
      if (what === 'retire') rig.master.tell({ kind: 'exited', id, luck: 0 });
    };
    rig.master.tell({ kind: 'asked', id: 2 });
    rig.turn();
    expect(rig.took()).toEqual(['retire 2 asked', 'spawn 4']);
    // That one failed to boot at once: the others wait out the backoff, each doubling it.
    rig.clock.advance(3_000);
    expect(rig.took().filter((what) => what.startsWith('spawn'))).toEqual([
      'spawn 5',
      'spawn 6',
      'spawn 7',
      'spawn 8',
    ]);
    expect(rig.master.state.workers.filter(isReady).length).toBe(3);
  });

  it('performs each decision once, also when the news of it comes at once', () => {
    const rig = new Rig(THREE).up();
    rig.onPerform = (what, id) => {
      rig.master.tell({ kind: 'asked', id });
      if (what === 'retire') rig.master.tell({ kind: 'beat', id, beat: beat() });
    };
    for (const id of [1, 2, 3]) rig.master.tell({ kind: 'asked', id });
    rig.turn();
    const took = rig.took();
    expect(new Set(took).size).toBe(took.length);
    expect(took.filter((what) => what.startsWith('retire')).slice(0, 3)).toEqual([
      'retire 1 asked',
      'retire 2 asked',
      'retire 3 asked',
    ]);
    expect(rig.master.state.workers.length).toBeLessThanOrEqual(7);
  });

  it('follows new rules at the end of the turn', () => {
    const rig = new Rig(THREE).up();
    rig.master.configure(resolvePolicy({ ...THREE, startWorkers: 5 }));
    expect(rig.took()).toEqual([]);
    rig.turn();
    expect(rig.took()).toEqual(['spawn 4', 'spawn 5']);
  });

  it('expires a worker that is silent, by one clock', () => {
    const rig = new Rig({ ...THREE, workerExpireTime: 3_000, graceTime: 2_000, killTimeout: 400 }).up();
    rig.clock.advance(2_999);
    for (const id of [1, 2]) rig.master.tell({ kind: 'beat', id, beat: beat() });
    rig.turn();
    rig.clock.advance(1);
    expect(rig.took()).toEqual(['retire 3 silent', 'spawn 4']);
    rig.ready(4);
    rig.master.tell({ kind: 'asked', id: 3 });
    for (let beats = 0; beats < 6; beats++) {
      rig.clock.advance(399);
      for (const id of [1, 2, 4]) rig.master.tell({ kind: 'beat', id, beat: beat() });
      rig.turn();
      if (beats < 5) expect(rig.took()).toEqual([]);
    }
    expect(rig.took()).toEqual(['kill 3 silent']);
    rig.clock.advance(6);
    expect(rig.took()).toEqual(['abandon 3']);
  });
});

describe('a worker in a debugger', () => {
  it('is neither asked to leave nor killed as long as it stands there', () => {
    const rig = new Rig({ ...THREE, workerExpireTime: 3_000, graceTime: 2_000, killTimeout: 400 }).up();
    const others = (time: number): void => {
      for (let passed = 0; passed < time; passed += 500) {
        for (const id of [1, 2]) rig.master.tell({ kind: 'beat', id, beat: beat() });
        rig.clock.advance(500);
      }
    };
    rig.debugged.add(3);
    others(60_000);
    expect(rig.took()).toEqual([]);
    expect(rig.master.state.workers[2]?.debugged).toBe(true);
    rig.debugged.delete(3);
    others(3_000);
    expect(rig.took()).toEqual(['retire 3 silent', 'spawn 4']);
  });
});

describe('a master that was late', () => {
  const HOUR = 3_600_000;
  const options: PolicyOptions = { ...THREE, workerExpireTime: 3_000, maxSpareTime: 60_000 };

  it('expires nobody when its timer is the first to fire', () => {
    const rig = new Rig(options).up();
    rig.clock.advance(700);
    rig.clock.sleep(HOUR);
    rig.clock.advance(0);
    expect(rig.took()).toEqual([]);
    rig.beats();
    rig.clock.advance(2_500);
    expect(rig.took()).toEqual([]);
  });

  it('expires nobody when an event comes before the timer', () => {
    const rig = new Rig(options).up();
    rig.clock.sleep(HOUR);
    rig.master.tell({ kind: 'waiting', count: 1 });
    rig.turn();
    expect(rig.took().filter((what) => !what.startsWith('spawn'))).toEqual([]);
    rig.clock.advance(0);
    rig.beats();
    expect(rig.took()).toEqual([]);
  });

  it('still gives those who boot, drain or die all of their time', () => {
    const rig = new Rig({ ...options, bootTimeout: 900, graceTime: 5_000, killTimeout: 400 }).up();
    rig.master.tell({ kind: 'offered', id: 1 });
    rig.master.tell({ kind: 'asked', id: 1 });
    rig.master.tell({ kind: 'broken', id: 2 });
    rig.turn();
    expect(rig.took()).toEqual(['kill 2 garbage', 'retire 1 asked', 'spawn 4', 'spawn 5']);
    for (const id of [4, 5]) rig.master.tell({ kind: 'launched', id });
    rig.turn();
    rig.clock.advance(100);
    rig.clock.sleep(HOUR);
    rig.clock.advance(0);
    expect(rig.took()).toEqual([]);
  });

  it('expires who stays silent afterwards', () => {
    const rig = new Rig(options).up();
    rig.clock.sleep(HOUR);
    rig.clock.advance(3_001);
    expect(rig.took().filter((what) => what.endsWith('silent')).length).toBe(3);
  });

  it('is not taken for late when it is only a little', () => {
    const rig = new Rig(options).up();
    rig.clock.sleep(1_100);
    rig.clock.advance(0);
    rig.clock.advance(1_900);
    expect(rig.took().filter((what) => what.endsWith('silent')).length).toBe(3);
  });
});

describe('jitter', () => {
  it('comes from `random` only, one number for each decision and each draw', () => {
    const rig = new Rig({ ...THREE, maxLifetime: 10_000, lifetimeJitter: 0.5 });
    rig.random = 0.25;
    rig.master.start();
    expect(rig.drawn).toBe(3);
    expect(rig.master.state.workers.map(({ luck }) => luck)).toEqual([0.25, 0.25, 0.25]);
    expect(rig.master.draw()).toBe(0.25);
    expect(rig.drawn).toBe(4);
  });

  it('makes two masters alike when their numbers are', () => {
    const run = (): string[] => {
      const rig = new Rig({ ...THREE, maxLifetime: 2_000, lifetimeJitter: 0.9 });
      rig.onPerform = (what, id) => {
        rig.random = (rig.random * 7 + 0.13) % 1;
        if (what === 'retire') rig.master.tell({ kind: 'exited', id, luck: rig.random });
      };
      rig.master.start();
      for (let step = 0; step < 100; step++) {
        for (const { id, stage } of rig.master.state.workers) if (stage.phase === 'starting') rig.ready(id);
        rig.beats();
        rig.clock.advance(130);
      }
      return rig.took();
    };
    expect(run()).toEqual(run());
  });
});
