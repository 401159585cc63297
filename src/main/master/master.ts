// The loop of the master: events go into the state of the pool, the decisions of the policy come out and are
// performed.
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { type LeaveReason, type Millis, type WorkerId } from '../../common/core/types.ts';
import { type PolicyConfig } from '../policy/config.ts';
import { evolve } from '../policy/evolve.ts';
import { plan } from '../policy/plan.ts';
import {
  initialState,
  type Decision,
  type PoolEvent,
  type PoolState,
  type WorkerRecord,
} from '../policy/state.ts';

/** Performs the decisions. Each method may call `tell` of the master, also before it returns. */
export interface Crew {
  spawn(id: WorkerId, generation: number): void;
  retire(id: WorkerId, why: LeaveReason): void;
  kill(id: WorkerId, why: LeaveReason): void;
  /** Finds out whether a debugger stops the worker, and tells the event `looked`. */
  look(id: WorkerId): void;
  /** The thread of the worker does not end: the worker is a zombie from now on. */
  abandon(id: WorkerId): void;
}

export interface MasterOptions {
  readonly config: PolicyConfig;
  readonly clock: Clock;
  /** Returns a number of at least 0 and less than 1; for jitter. */
  readonly random: () => number;
  readonly crew: Crew;
  /** Runs its argument in this turn of the event loop, after the input that is already there. */
  readonly defer: (run: () => void) => void;
  /** The pool may have changed; called at the end of each turn of the master. */
  readonly turned: () => void;
}

// A plan at one instant settles in a few rounds (a property of the policy's tests); more would be a bug there, and
// going on would hang the host.
const MAX_ROUNDS = 1_000;

/** Takes events in, asks the policy, performs its decisions, and has one timer for the next look. */
export class Master {
  readonly #options: MasterOptions;
  #config: PolicyConfig;
  #state: PoolState;
  #asked = false;
  #running = false;
  #wakeAt: Millis = Infinity;
  #lastTurn: Millis;
  #cancelTimer: Cancel | undefined;
  readonly #wake = (): void => {
    this.#cancelTimer = undefined;
    this.#askTurn();
  };

  constructor(options: MasterOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#state = initialState(options.config.startWorkers);
    this.#lastTurn = options.clock.now();
  }

  get state(): PoolState {
    return this.#state;
  }

  /** The record of this worker; `undefined` once it is gone. */
  record(id: WorkerId): WorkerRecord | undefined {
    return this.#state.workers.find((worker) => worker.id === id);
  }

  get config(): PolicyConfig {
    return this.#config;
  }

  /** Starts the first workers, and looks after all workers from now on. */
  start(): void {
    this.#running = true;
    this.#lastTurn = this.#options.clock.now();
    this.#turn();
  }

  /** Stops the timer. Call it when no workers are left. */
  stop(): void {
    this.#running = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Takes an event in at once. The decisions that follow are made at the end of this turn of the event loop. */
  tell(event: PoolEvent): void {
    this.#state = evolve(this.#state, event, this.#options.clock.now(), this.#config);
    this.#askTurn();
  }

  configure(config: PolicyConfig): void {
    const { workerHeartbeat, workerExpireTime } = this.#config;
    this.#config = config;
    if (config.workerHeartbeat !== workerHeartbeat || config.workerExpireTime !== workerExpireTime)
      this.tell({ kind: 'paced' });
    this.#askTurn();
  }

  /** Draws a number for the jitter of an event. */
  draw(): number {
    return this.#options.random();
  }

  #askTurn(): void {
    if (this.#asked || !this.#running) return;
    this.#asked = true;
    this.#options.defer(() => {
      this.#asked = false;
      if (this.#running) this.#turn();
    });
  }

  #turn(): void {
    this.#grantLateness();
    for (let round = 0; this.#decide() > 0; round += 1) {
      if (round === MAX_ROUNDS) throw new Error('forkless: the policy does not settle');
    }
    this.#options.turned();
  }

  // A master that was late (suspended, debugged, blocked by the host) has heard no worker meanwhile. That time must not
  // count against any of them. Each turn may be the first one after a delay, so each checks whether the timer is
  // overdue. A small part of the delay counts nevertheless. Otherwise, where the host's loop is always busy and every
  // turn is late, a worker that hangs would never be noticed.
  #grantLateness(): void {
    const now = this.#options.clock.now();
    const tolerated = this.#config.workerHeartbeat / 4;
    if (now - this.#wakeAt > tolerated) {
      const by = now - this.#lastTurn - tolerated;
      this.#state = evolve(this.#state, { kind: 'late', by }, now, this.#config);
    }
    this.#lastTurn = now;
  }

  #decide(): number {
    const now = this.#options.clock.now();
    const { decisions, wakeAt } = plan(this.#state, this.#config, now);
    for (const decision of decisions) {
      this.#state = evolve(this.#state, { kind: 'decided', decision, luck: this.draw() }, now, this.#config);
    }
    for (const decision of decisions) this.#perform(decision);
    if (decisions.length === 0) this.#arm(wakeAt);
    return decisions.length;
  }

  #arm(wakeAt: Millis): void {
    // A timer that fires early costs less than a new timer after each heartbeat.
    if (!this.#running || (this.#cancelTimer && this.#wakeAt <= wakeAt)) return;
    this.#cancelTimer?.();
    this.#wakeAt = wakeAt;
    this.#cancelTimer = this.#options.clock.callAt(wakeAt, this.#wake);
  }

  #perform(decision: Decision): void {
    const { crew } = this.#options;
    switch (decision.kind) {
      case 'spawn':
        crew.spawn(decision.id, decision.generation);
        return;
      case 'retire':
        crew.retire(decision.id, decision.why);
        return;
      case 'kill':
        crew.kill(decision.id, decision.why);
        return;
      case 'look':
        crew.look(decision.id);
        return;
      case 'abandon':
        crew.abandon(decision.id);
    }
  }
}
