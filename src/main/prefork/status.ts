// The result of `status()`: its public types, and how they are filled in.
import {
  type CloseReason,
  type DropReason,
  type ExitReason,
  type LeaveReason,
  type Millis,
  type MoveReason,
  type WorkerId,
} from '../../common/core/types.ts';
import { type WorkerHandle } from '../master/worker-handle.ts';
import { backoffOf } from '../policy/backoff.ts';
import { openOf, type Beat, type Phase, type WorkerRecord } from '../policy/state.ts';
import { type Tally } from '../listener/connections.ts';
import { type State } from './lifecycle.ts';
import { type Evidence } from './evidence.ts';
import { causesOf } from './health.ts';
import { type Pool } from './pool.ts';
import { type DegradedCause } from './events.ts';

/** One worker, as the master sees it at this instant. */
export interface WorkerStatus {
  readonly id: WorkerId;
  /** Node's id of its thread; `undefined` before it is started. */
  readonly threadId: number | undefined;
  readonly generation: number;
  readonly phase: Phase;
  /** Why it is leaving, or was killed. */
  readonly leaving: LeaveReason | undefined;
  /** Milliseconds since its birth. */
  readonly age: Millis;
  /** Milliseconds in this phase. */
  readonly phaseAge: Millis;
  /** Open connections, unclaimed ones included. */
  readonly open: number;
  /** Connections offered to it that it has not claimed. */
  readonly owed: number;
  /** Connections that it has claimed in its life, and those that it owes. */
  readonly served: number;
  /** Event-loop utilisation at the last heartbeat, 0 to 1; 0 from `ready` to the first, `undefined` before. */
  readonly utilization: number | undefined;
  /** Used JS heap at the last heartbeat, or when it was ready, bytes; `undefined` before. */
  readonly heap: number | undefined;
  /** The same of memory outside the JS heap. */
  readonly external: number | undefined;
  /** Milliseconds since the last heartbeat; `undefined` before it is ready. */
  readonly silentFor: Millis | undefined;
  /** The evidence about it from when it expired or became a zombie. */
  readonly evidence: Evidence | undefined;
  readonly paused: boolean;
  /** Whether it let a claim time out, and has given no sign of life since. Then it gets no new connection. */
  readonly suspect: boolean;
  /** Whether a debugger stopped it when it was last looked at as overdue, and it has given no sign of life since. */
  readonly debugged: boolean;
}

/** Everything there is to know of a prefork, at one instant. */
export interface PreforkStatus {
  readonly state: State;
  readonly paused: boolean;
  /** While it closes: milliseconds until the clients that are left are cut off, `Infinity` for never. */
  readonly closesIn: Millis | undefined;
  readonly generation: number;
  readonly workers: readonly WorkerStatus[];
  /**
   * Workers by phase, and in all. `threads` counts all threads that have not ended, except zombies. `above` is how many
   * threads there are beyond `maxWorkers`: one while a worker is replaced or leaves, more after `maxWorkers` was
   * lowered. `suspect` is how many of the ready ones most likely hang: `ready - suspect` serve.
   */
  readonly counts: Readonly<Record<Phase | 'live' | 'spare' | 'threads' | 'above' | 'suspect', number>>;
  readonly connections: {
    /** Accepted and not closed. */
    readonly open: number;
    readonly waiting: number;
    readonly accepted: number;
    /** Claimed by a worker. */
    readonly served: number;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly drops: Tally<DropReason>;
    readonly closes: Tally<CloseReason>;
    /** At rest, and no worker has them. They are among the open ones. */
    readonly hibernating: number;
    /** How often a connection at rest went to another worker, by the reason why it left the one before. */
    readonly moves: Tally<MoveReason>;
  };
  readonly exits: Tally<ExitReason>;
  /** Why the pool is not what it should be; empty when all is well. */
  readonly degraded: readonly DegradedCause[];
  /** Failures of new workers in a row. */
  readonly bootFailures: number;
}

const PHASES = ['starting', 'ready', 'draining', 'killing', 'zombie'] as const;

function statusOf(
  worker: WorkerRecord,
  handle: WorkerHandle | undefined,
  evidence: Evidence | undefined,
  now: Millis,
): WorkerStatus {
  const { id, generation, stage, owed, served, beat, paused, suspect, debugged } = worker;
  return {
    id,
    threadId: handle?.thread.id,
    evidence,
    generation,
    phase: stage.phase,
    leaving: 'why' in stage ? stage.why : undefined,
    age: now - worker.bornAt,
    phaseAge: now - stage.since,
    open: openOf(worker),
    owed,
    served,
    ...vitalsOf(beat, handle),
    silentFor: stage.phase === 'starting' ? undefined : now - worker.lastBeat,
    paused,
    suspect,
    debugged,
  };
}

function vitalsOf(
  beat: Beat | undefined,
  handle: WorkerHandle | undefined,
): Pick<WorkerStatus, 'utilization' | 'heap' | 'external'> {
  const { heap, external } = beat ?? handle?.memory ?? {};
  const byDefault = heap === undefined ? undefined : 0;
  return { utilization: beat?.utilization ?? byDefault, heap, external };
}

/** One consistent snapshot of everything. */
export function snapshot(
  pool: Pool,
  now: Millis,
  rest: Pick<PreforkStatus, 'state' | 'paused' | 'closesIn'>,
): PreforkStatus {
  const { workers: records, generation } = pool.master.state;
  const workers = records.map((worker) => {
    return statusOf(worker, pool.handles.get(worker.id), pool.evidence.get(worker.id), now);
  });
  const counted = PHASES.map(
    (phase) => [phase, workers.filter((worker) => worker.phase === phase).length] as const,
  );
  const live = workers.filter(({ phase }) => phase === 'starting' || phase === 'ready');
  const threads = workers.filter(({ phase }) => phase !== 'zombie').length;
  const { size, accepted, served, bytesRead, bytesWritten, drops, closes, moves } = pool.connections;
  return {
    ...rest,
    generation,
    workers,
    // Every phase is one of its keys, by the list above.
    counts: {
      ...(Object.fromEntries(counted) as Record<Phase, number>),
      live: live.length,
      spare: live.filter(({ open }) => open === 0).length,
      threads,
      above: Math.max(0, threads - pool.master.config.maxWorkers),
      suspect: workers.filter(({ phase, suspect }) => phase === 'ready' && suspect).length,
    },
    connections: {
      open: size,
      waiting: pool.dispatcher.waiting,
      accepted,
      served,
      bytesRead,
      bytesWritten,
      drops: { ...drops },
      closes: { ...closes },
      hibernating: pool.homeless.size,
      moves: { ...moves },
    },
    exits: { ...pool.exits },
    degraded: causesOf(pool.master.state, pool.master.config, now),
    bootFailures: backoffOf(pool.master.state, pool.master.config, now).failures,
  };
}
