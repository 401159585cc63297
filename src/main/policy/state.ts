/** The types of the policy: the state of the pool, the events that change it, and the decisions that follow. */
import { type Addresses, type LeaveReason, type Millis, type WorkerId } from '../../common/core/types.ts';

/** Failures of new workers in a row, and until when no worker is born for it. */
export interface Backoff {
  readonly failures: number;
  readonly until: Millis;
  /** The last of them booted and died young: it takes more than a boot to get over that. */
  readonly young: boolean;
}

/**
 * Where a worker is in its life. `since` is when it came there and never restarts: being asked again does not
 * give a draining worker a new grace time. A worker that is gone has no record.
 */
export type Stage =
  | { readonly phase: 'starting'; readonly since: Millis; readonly launched: boolean }
  | { readonly phase: 'ready'; readonly since: Millis }
  | {
      readonly phase: 'draining';
      readonly since: Millis;
      readonly why: LeaveReason;
      /** Set while it still boots: its time for that goes on. */
      readonly launchedAt?: Millis | undefined;
    }
  | { readonly phase: 'killing'; readonly since: Millis; readonly why: LeaveReason }
  | { readonly phase: 'zombie'; readonly since: Millis; readonly why: LeaveReason };

export type Phase = Stage['phase'];

/** The report of a worker with each heartbeat. Its counters are absolute, so that a lost one cannot skew the books. */
export interface Beat {
  /** Connections it has claimed and not yet closed. */
  readonly open: number;
  /** Connections that it has claimed in its life, without those that were taken back afterwards. */
  readonly served: number;
  /** Event-loop utilisation since the previous beat, 0 to 1. */
  readonly utilization: number;
  /** Used JS heap, bytes. */
  readonly heap: number;
  /** Memory outside the JS heap (ArrayBuffers included), bytes. */
  readonly external: number;
}

/** All that the policy knows of one worker. */
export interface WorkerRecord {
  readonly id: WorkerId;
  readonly generation: number;
  readonly stage: Stage;
  readonly bornAt: Millis;
  /** Drawn at birth, 0 <= luck < 1: how much earlier than the others this one reaches its age and count limits. */
  readonly luck: number;
  /** Open connections that it has claimed. */
  readonly claimed: number;
  /** Connections offered to it that it has not claimed yet. */
  readonly owed: number;
  /** Connections that it has claimed in its life, and those that it owes: so `maxServed` is exact. */
  readonly served: number;
  /** When it last was offered, or released, a connection; its birth before that. */
  readonly lastActivity: Millis;
  /** `PoolState.offers` at its latest offer; orders workers by least recent offer. 0 before the first. */
  readonly lastOffer: number;
  /** When it last gave a heartbeat; becoming ready counts as one. */
  readonly lastBeat: Millis;
  readonly beat: Beat | undefined;
  /** It asked to be given nothing new for now. */
  readonly paused: boolean;
  /** Connections it wants open at a time, at most, within `maxSessionsPerWorker`. */
  readonly maxSessions: number;
  /** It let a claim time out and has given no sign of life since: it is offered nothing. */
  readonly suspect: boolean;
  /** A connection was stolen from it, which it had not taken up, and it has given no sign of life since. */
  readonly stolenFrom: boolean;
  /** A look into its thread since it is overdue; `clear` once no debugger was seen to have stopped it. */
  readonly look: { readonly since: Millis; readonly clear: boolean } | undefined;
  /** A debugger had stopped it when it was last looked at, and it has given no sign of life since. */
  readonly debugged: boolean;
  /** It, or the host, asked for its retirement. */
  readonly asked: boolean;
  /** It broke the protocol and must be killed. */
  readonly broken: boolean;
}

export interface PoolState {
  /** The workers, in order of birth. */
  readonly workers: readonly WorkerRecord[];
  readonly nextId: WorkerId;
  /** Workers of another generation than this are to be replaced. */
  readonly generation: number;
  readonly lastGeneration: number;
  /** Births that `startWorkers` still asks for. */
  readonly toStart: number;
  /** Connections in the waiting room. */
  readonly waiting: number;
  /** Offers so far. */
  readonly offers: number;
  readonly backoff: Backoff;
  /** Set once the prefork closes: everybody leaves, and is killed at that time. */
  readonly closing: { readonly until: Millis } | undefined;
}

/** All that the master is told, and `evolve` folds into the state. Events of unknown workers change nothing. */
export type PoolEvent =
  | { readonly kind: 'launched'; readonly id: WorkerId } // its thread was started: `bootTimeout` runs from here
  | { readonly kind: 'ready'; readonly id: WorkerId }
  | { readonly kind: 'beat'; readonly id: WorkerId; readonly beat: Beat }
  | { readonly kind: 'alive'; readonly id: WorkerId } // any message: no longer suspect, nor stopped by a debugger
  | { readonly kind: 'looked'; readonly id: WorkerId; readonly debugged: boolean } // whether a debugger has stopped it
  | { readonly kind: 'offered'; readonly id: WorkerId }
  | { readonly kind: 'claimed'; readonly id: WorkerId }
  | { readonly kind: 'taken-back'; readonly id: WorkerId; readonly overdue: boolean }
  | { readonly kind: 'stolen'; readonly id: WorkerId } // taken back for a worker that rests
  | { readonly kind: 'stalled'; readonly id: WorkerId } // connections at rest go to a worker that rests
  | { readonly kind: 'released'; readonly id: WorkerId } // a claimed connection has ended
  | { readonly kind: 'paused'; readonly id: WorkerId; readonly paused: boolean }
  | { readonly kind: 'limited'; readonly id: WorkerId; readonly maxSessions: number }
  | { readonly kind: 'asked'; readonly id: WorkerId }
  | { readonly kind: 'broken'; readonly id: WorkerId }
  | { readonly kind: 'exited'; readonly id: WorkerId; readonly luck: number }
  | { readonly kind: 'waiting'; readonly count: number }
  | { readonly kind: 'late'; readonly by: Millis } // the master did not look for so long
  | { readonly kind: 'paced' } // heartbeats come, or are expected, at another pace
  | { readonly kind: 'reload' }
  | { readonly kind: 'rolled-back'; readonly generation: number }
  | { readonly kind: 'closing'; readonly grace: Millis } // told again it can only hurry
  | { readonly kind: 'decided'; readonly decision: Decision; readonly luck: number };

/** A deed that the master is to do. */
export type Decision =
  | { readonly kind: 'spawn'; readonly id: WorkerId; readonly generation: number }
  | { readonly kind: 'retire'; readonly id: WorkerId; readonly why: LeaveReason }
  | { readonly kind: 'kill'; readonly id: WorkerId; readonly why: LeaveReason }
  /** It is overdue: find out whether a debugger has stopped it. */
  | { readonly kind: 'look'; readonly id: WorkerId }
  /** Its thread did not end within `killTimeout`: count it as a zombie and fill its place. */
  | { readonly kind: 'abandon'; readonly id: WorkerId };

export interface Plan {
  readonly decisions: readonly Decision[];
  /** When to look again at the latest; once a plan has no decisions it lies after `now`. */
  readonly wakeAt: Millis;
}

/**
 * A worker as a user's `dispatch` function sees it. Only workers that may take the connection are shown; while a reload
 * replaces them, only new ones where there are any.
 */
export interface Candidate {
  readonly id: WorkerId;
  /** Open connections, unclaimed ones included. */
  readonly open: number;
  /** Connections offered to it that it has not claimed yet. */
  readonly owed: number;
  /** Connections that it has claimed in its life, and those that it owes. */
  readonly served: number;
  /** Event-loop utilisation at its last heartbeat, 0 to 1; 0 before the first. */
  readonly utilization: number;
}

/** Names the worker that gets the connection; `null` or `undefined` lets it wait. */
export type DispatchFunction = (
  connection: Addresses,
  workers: readonly Candidate[],
) => WorkerId | null | undefined;

export type Dispatch = 'least-open' | 'round-robin' | 'least-busy' | 'sticky-address' | DispatchFunction;

export const isLive = (worker: WorkerRecord): boolean =>
  worker.stage.phase === 'starting' || worker.stage.phase === 'ready';

export const isReady = (worker: WorkerRecord): boolean => worker.stage.phase === 'ready';

/** Open connections of a worker, as the limits count them. */
export const openOf = (worker: WorkerRecord): number => worker.claimed + worker.owed;

/** A starting worker counts as spare: it was asked for already, and asking again would overshoot. */
export const isSpare = (worker: WorkerRecord): boolean => isLive(worker) && openOf(worker) === 0;

export const initialState = (startWorkers: number): PoolState => ({
  workers: [],
  nextId: 1,
  generation: 1,
  lastGeneration: 1,
  toStart: startWorkers,
  waiting: 0,
  offers: 0,
  backoff: { failures: 0, until: -Infinity, young: false },
  closing: undefined,
});

export const NO_BACKOFF: Backoff = { failures: 0, until: -Infinity, young: false };
