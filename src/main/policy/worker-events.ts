/** The events of a single worker: how each changes the record that the policy keeps of it. */
import { type Millis } from '../../common/core/types.ts';
import { isReady, type PoolEvent, type PoolState, type Stage, type WorkerRecord } from './state.ts';

/** Events that change one worker's record; its end is `evolve`'s own. */
type WorkerEvent = Exclude<Extract<PoolEvent, { readonly id: number }>, { readonly kind: 'exited' }>;

type EventKind = WorkerEvent['kind'];
type EventOf<Kind extends EventKind = EventKind> = {
  [Each in Kind]: { readonly kind: Each } & Extract<WorkerEvent, { readonly kind: Each }>;
}[Kind];

type Fold<Kind extends EventKind> = (
  worker: WorkerRecord,
  event: EventOf<Kind>,
  now: Millis,
  state: PoolState,
) => WorkerRecord;

const FOLDS: { readonly [Kind in EventKind]: Fold<Kind> } = {
  launched: (worker, _, now) =>
    worker.stage.phase === 'starting' && !worker.stage.launched
      ? { ...worker, stage: { phase: 'starting', since: now, launched: true } }
      : worker,
  ready: (worker, _, now) => ({
    ...worker,
    stage: booted(worker.stage, now),
    lastBeat: now,
    lastActivity: now,
    look: undefined,
    debugged: false,
  }),
  // Counters are absolute, so a lost message cannot skew the books for longer than one beat.
  beat: (worker, { beat }, now) => ({
    ...worker,
    beat,
    claimed: beat.open,
    served: beat.served + worker.owed,
    lastBeat: now,
    suspect: false,
    stolenFrom: false,
    // The reason for the look is gone, unless the worker leaves too slowly.
    look: isReady(worker) ? undefined : worker.look,
    debugged: false,
  }),
  alive: (worker) =>
    worker.suspect || worker.debugged || worker.stolenFrom
      ? { ...worker, suspect: false, debugged: false, stolenFrom: false }
      : worker,
  looked: (worker, { debugged }, now) => {
    // Overtaken by a sign of life.
    if (worker.look === undefined) return worker;
    if (!debugged) return { ...worker, look: { ...worker.look, clear: true }, debugged };
    return { ...worker, stage: begunAnew(worker.stage, now), lastBeat: now, look: undefined, debugged };
  },
  offered: (worker, _, now, state) => ({
    ...worker,
    owed: worker.owed + 1,
    served: worker.served + 1,
    lastActivity: now,
    lastOffer: state.offers + 1,
  }),
  claimed: (worker) => ({
    ...worker,
    owed: oneLess(worker.owed),
    claimed: worker.claimed + 1,
    suspect: false,
    stolenFrom: false,
    debugged: false,
  }),
  'taken-back': (worker, { overdue }) => ({
    ...worker,
    owed: oneLess(worker.owed),
    served: oneLess(worker.served),
    suspect: overdue || worker.suspect,
  }),
  stolen: (worker) => ({
    ...worker,
    owed: oneLess(worker.owed),
    served: oneLess(worker.served),
    stolenFrom: true,
  }),
  stalled: (worker) => (worker.stolenFrom ? worker : { ...worker, stolenFrom: true }),
  released: (worker, _, now) => ({ ...worker, claimed: oneLess(worker.claimed), lastActivity: now }),
  paused: (worker, { paused }) => (worker.paused === paused ? worker : { ...worker, paused }),
  limited: (worker, { maxSessions }) =>
    worker.maxSessions === maxSessions ? worker : { ...worker, maxSessions },
  asked: (worker) => (worker.asked ? worker : { ...worker, asked: true }),
  broken: (worker) => (worker.broken ? worker : { ...worker, broken: true }),
};

/** The record after the event. It is the same object where the event changes nothing. */
export function tell<Kind extends EventKind>(
  worker: WorkerRecord,
  event: EventOf<Kind>,
  now: Millis,
  state: PoolState,
): WorkerRecord {
  return FOLDS[event.kind](worker, event, now, state);
}

function booted(stage: Stage, now: Millis): Stage {
  if (stage.phase === 'starting') return { phase: 'ready', since: now };
  return stage.phase === 'draining' ? { ...stage, launchedAt: undefined } : stage;
}

// Nobody knows since when a debugger has stopped it: all of its time is granted.
function begunAnew(stage: Stage, now: Millis): Stage {
  if (stage.phase === 'starting') return { ...stage, since: now };
  if (stage.phase !== 'draining') return stage;
  return { ...stage, since: now, launchedAt: stage.launchedAt === undefined ? undefined : now };
}

// A count that two sides report may be told twice; a negative one would never be spare again.
const oneLess = (count: number): number => Math.max(0, count - 1);
