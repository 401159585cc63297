import { choose } from '../../../src/main/policy/choose.ts';
import { type PolicyConfig } from '../../../src/main/policy/config.ts';
import { evolve } from '../../../src/main/policy/evolve.ts';
import { plan } from '../../../src/main/policy/plan.ts';
import {
  type Decision,
  initialState,
  type PoolEvent,
  type PoolState,
} from '../../../src/main/policy/state.ts';

/** A seeded generator (mulberry32), so that each run of a seed is the same. */
export const generator = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** How likely each fault is, 0 to 1. Drawn once for each thread. */
export interface FaultRates {
  readonly failsToBoot: number;
  readonly neverReady: number;
  readonly crashes: number;
  readonly hangs: number;
  readonly ignoresRetirement: number;
  readonly cannotBeKilled: number;
}
export const NO_FAULTS: FaultRates = {
  failsToBoot: 0,
  neverReady: 0,
  crashes: 0,
  hangs: 0,
  ignoresRetirement: 0,
  cannotBeKilled: 0,
};

interface Thread {
  readonly id: number;
  readonly deaf: boolean;
  readonly immortal: boolean;
  ready: boolean;
  hungSince: number | undefined;
  leaving: boolean;
  owed: number;
  open: number;
  claimed: number;
  heap: number;
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** The pure loop of the master over fake threads and fake time. */
export class Simulation {
  readonly threads = new Map<number, Thread>();
  config: PolicyConfig;
  state: PoolState;
  now = 0;
  faults: FaultRates = NO_FAULTS;
  dispatch: 'least-open' | 'round-robin' | 'least-busy' = 'least-open';
  /** How much of a worker's event loop each open connection takes. */
  loadOfEach = 0;
  /** Mean time between two connections, and how long each stays. */
  traffic: { readonly every: number; readonly stay: number } | undefined;
  waiting = 0;
  served = 0;
  wakes = 0;
  onPlan: (before: PoolState, decisions: readonly Decision[]) => void = () => undefined;
  readonly #random: () => number;
  #queue: Due[] = [];
  #order = 0;
  #wakeAt = 0;

  constructor(config: PolicyConfig, seed: number) {
    this.config = config;
    this.state = initialState(config.startWorkers);
    this.#random = generator(seed);
    this.#settle();
    this.#connect();
  }

  /** Lives on until then, event by event. */
  runTo(end: number): void {
    for (;;) {
      const due = this.#next();
      const at = Math.min(due?.at ?? Infinity, this.#wakeAt);
      if (at > end) break;
      this.now = Math.max(this.now, at);
      if (due !== undefined && due.at <= this.#wakeAt) {
        this.#queue.splice(this.#queue.indexOf(due), 1);
        due.run();
      } else this.wakes++;
      this.#settle();
    }
    this.now = end;
  }

  tell(event: PoolEvent): void {
    this.state = evolve(this.state, event, this.now, this.config);
  }

  /** The whole machine sleeps; afterwards the master knows that it was late. */
  suspend(by: number): void {
    this.#queue = this.#queue.map((due) => ({ ...due, at: due.at + by }));
    this.now += by;
    this.tell({ kind: 'late', by });
    this.#settle();
  }

  replan(): void {
    this.#settle();
  }

  #next(): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#queue) {
      if (first === undefined || due.at < first.at || (due.at === first.at && due.order < first.order))
        first = due;
    }
    return first;
  }

  #in(wait: number, run: () => void): void {
    this.#queue.push({ at: this.now + wait, order: this.#order++, run });
  }

  #settle(): void {
    this.#dispatch();
    for (let rounds = 0; ; rounds++) {
      const { decisions, wakeAt } = plan(this.state, this.config, this.now);
      this.onPlan(this.state, decisions);
      if (decisions.length === 0) {
        if (!(wakeAt > this.now)) throw new Error(`spins at ${this.now}`);
        this.#wakeAt = wakeAt;
        return;
      }
      if (rounds > 5) throw new Error(`does not settle at ${this.now}: ${JSON.stringify(decisions)}`);
      for (const decision of decisions) {
        this.tell({ kind: 'decided', decision, luck: this.#random() });
        this.#perform(decision);
      }
    }
  }

  #perform(decision: Decision): void {
    if (decision.kind === 'spawn') {
      this.#boot(decision.id);
      return;
    }
    const thread = this.threads.get(decision.id);
    if (thread === undefined) throw new Error(`no thread ${decision.id}`);
    if (decision.kind === 'kill' && !thread.immortal)
      this.#in(5, () => {
        this.#exit(thread);
      });
    if (decision.kind === 'abandon')
      this.#in(60_000, () => {
        this.#exit(thread);
      });
    if (decision.kind !== 'retire') return;
    while (thread.owed > 0) this.#takeBack(thread, false);
    thread.leaving = true;
    this.#in(1, () => {
      this.#leave(thread);
    });
  }

  #boot(id: number): void {
    const chance = (likely: number): boolean => this.#random() < likely;
    const { faults } = this;
    const thread: Thread = {
      id,
      deaf: chance(faults.ignoresRetirement),
      immortal: chance(faults.cannotBeKilled),
      ready: false,
      hungSince: undefined,
      leaving: false,
      owed: 0,
      open: 0,
      claimed: 0,
      heap: 0,
    };
    this.threads.set(id, thread);
    this.#in(this.#random() * 20, () => {
      this.tell({ kind: 'launched', id });
    });
    const boot = 40 + this.#random() * 100;
    if (chance(faults.failsToBoot))
      this.#in(boot, () => {
        this.#exit(thread);
      });
    else if (!chance(faults.neverReady))
      this.#in(boot, () => {
        this.#ready(thread);
      });
    if (chance(faults.crashes))
      this.#in(boot + this.#random() * 60_000, () => {
        this.#exit(thread);
      });
    if (chance(faults.hangs)) {
      this.#in(boot + this.#random() * 60_000, () => {
        thread.hungSince = this.now;
      });
    }
  }

  #ready(thread: Thread): void {
    if (!this.threads.has(thread.id)) return;
    thread.ready = true;
    this.tell({ kind: 'ready', id: thread.id });
    this.#beats(thread);
    this.#leave(thread);
  }

  #beats(thread: Thread): void {
    this.#in(this.config.workerHeartbeat, () => {
      if (!this.threads.has(thread.id) || thread.hungSince !== undefined) return;
      thread.heap += this.#random() * 10;
      const { open, claimed: served, heap } = thread;
      const beat = { open, served, heap, external: 0, utilization: Math.min(1, open * this.loadOfEach) };
      this.tell({ kind: 'beat', id: thread.id, beat });
      this.#beats(thread);
    });
  }

  #leave(thread: Thread): void {
    const may = thread.leaving && thread.open === 0 && !thread.deaf && thread.hungSince === undefined;
    if (may) this.#exit(thread);
  }

  #exit(thread: Thread): void {
    if (!this.threads.delete(thread.id)) return;
    this.waiting += thread.owed;
    this.tell({ kind: 'exited', id: thread.id, luck: this.#random() });
  }

  #connect(): void {
    const { traffic } = this;
    if (traffic !== undefined) {
      this.waiting++;
      this.tell({ kind: 'waiting', count: this.waiting });
    }
    this.#in((traffic?.every ?? 1000) * 2 * this.#random() + 0.1, () => {
      this.#connect();
    });
  }

  #dispatch(): void {
    const config = { ...this.config, dispatch: this.dispatch };
    while (this.waiting > 0) {
      const id = choose(this.state, config, {});
      const thread = id === undefined ? undefined : this.threads.get(id);
      if (thread === undefined) break;
      this.waiting--;
      thread.owed++;
      this.tell({ kind: 'offered', id: thread.id });
      this.#in(1, () => {
        this.#claim(thread);
      });
      this.#in(1000, () => {
        if (this.threads.has(thread.id) && thread.owed > 0 && thread.hungSince !== undefined) {
          this.#takeBack(thread, true);
        }
      });
    }
    this.tell({ kind: 'waiting', count: this.waiting });
  }

  #claim(thread: Thread): void {
    if (!this.threads.has(thread.id) || thread.hungSince !== undefined || thread.owed === 0) return;
    thread.owed--;
    thread.open++;
    thread.claimed++;
    this.served++;
    this.tell({ kind: 'claimed', id: thread.id });
    this.#in((this.traffic?.stay ?? 100) * 2 * this.#random(), () => {
      this.#close(thread);
    });
  }

  #close(thread: Thread): void {
    if (!this.threads.has(thread.id) || thread.hungSince !== undefined) return;
    thread.open--;
    this.tell({ kind: 'released', id: thread.id });
    this.#leave(thread);
  }

  #takeBack(thread: Thread, overdue: boolean): void {
    thread.owed--;
    this.waiting++;
    this.tell({ kind: 'taken-back', id: thread.id, overdue });
  }
}
