/** The state of the pool after an event. How an event changes the record of one worker is in `worker-events.ts`. */
import { type LeaveReason, type Millis, type WorkerId } from '../../common/core/types.ts';
import { type BackoffConfig, backoffOf, failed, isYoung } from './backoff.ts';
import {
  type Decision,
  type PoolEvent,
  type PoolState,
  type Stage,
  type WorkerRecord,
  type Backoff,
  NO_BACKOFF,
} from './state.ts';
import { tell } from './worker-events.ts';

/**
 * The state after the event. Returns the same object if the event changes nothing, as one of a worker that is
 * gone does. The same events at the same times make the same state: a logged run replays exactly.
 */
export function evolve(state: PoolState, event: PoolEvent, now: Millis, config: BackoffConfig): PoolState {
  if (!('id' in event)) return ofPool(state, event, now, config);
  const index = state.workers.findIndex(({ id }) => id === event.id);
  const worker = state.workers[index];
  if (worker === undefined) return state;
  if (event.kind === 'exited') return exited(state, worker, event.luck, now, config);
  const told = tell(worker, event, now, state);
  if (told === worker) return state;
  const next = { ...state, workers: state.workers.with(index, told) };
  if (event.kind === 'offered') return { ...next, offers: state.offers + 1 };
  if (!isBoot(worker, told)) return next;
  return { ...next, backoff: state.backoff.young ? state.backoff : NO_BACKOFF, toStart: 0 };
}

const isBoot = (before: WorkerRecord, after: WorkerRecord): boolean =>
  before.stage.phase === 'starting' && after.stage.phase === 'ready';

function ofPool(
  state: PoolState,
  event: Exclude<PoolEvent, { readonly id: WorkerId }>,
  now: Millis,
  config: BackoffConfig,
): PoolState {
  switch (event.kind) {
    case 'waiting':
      return state.waiting === event.count ? state : { ...state, waiting: event.count };
    case 'late':
      return late(state, event.by, now);
    case 'paced':
      return paced(state, now);
    case 'reload': {
      const generation = state.lastGeneration + 1;
      return { ...state, generation, lastGeneration: generation, backoff: NO_BACKOFF };
    }
    case 'rolled-back':
      return { ...state, generation: event.generation, backoff: NO_BACKOFF };
    case 'closing':
      return closing(state, now + event.grace);
    case 'decided':
      return decided(state, event.decision, event.luck, now, config);
  }
}

// `toStart` is for the start only: what found no room by the time the first worker is ready or gone lapses, or it
// would force births much later.
function exited(
  state: PoolState,
  worker: WorkerRecord,
  luck: number,
  now: Millis,
  config: BackoffConfig,
): PoolState {
  const workers = state.workers.filter((each) => each !== worker);
  return { ...state, workers, backoff: afterEnd(state, worker, luck, now, config), toStart: 0 };
}

/** A worker that did not boot, or died soon afterwards, is not replaced at once: the next would fare alike. */
function afterEnd(
  state: PoolState,
  worker: WorkerRecord,
  luck: number,
  now: Millis,
  config: BackoffConfig,
): Backoff {
  const young = isYoung(worker, config, now);
  if (!young && worker.stage.phase !== 'starting') return state.backoff;
  return failed(backoffOf(state, config, now), config, now, luck, young);
}

/**
 * The master did not look for so long, and may not have heard what was said meanwhile: everybody who might expire is
 * granted that time. Ages go on, since a worker that is too old is replaced first, and so does the end of closing, which
 * somebody waits for.
 */
function late(state: PoolState, by: Millis, now: Millis): PoolState {
  const shift = (at: Millis): Millis => Math.max(at, Math.min(now, at + by));
  const grant = (stage: Stage): Stage => {
    if (stage.phase === 'ready') return stage;
    const since = shift(stage.since);
    if (stage.phase !== 'draining' || stage.launchedAt === undefined) return { ...stage, since };
    return { ...stage, since, launchedAt: shift(stage.launchedAt) };
  };
  const workers = state.workers.map((worker) => ({
    ...worker,
    stage: grant(worker.stage),
    lastBeat: shift(worker.lastBeat),
    lastActivity: shift(worker.lastActivity),
    look: undefined,
  }));
  return { ...state, workers };
}

const closing = (state: PoolState, until: Millis): PoolState => ({
  ...state,
  closing: { until: Math.min(until, state.closing?.until ?? Infinity) },
});

// Beats that came at the old pace say nothing about who is silent by the new one.
const paced = (state: PoolState, now: Millis): PoolState => ({
  ...state,
  workers: state.workers.map((worker) => ({ ...worker, lastBeat: now, look: undefined })),
});

function decided(
  state: PoolState,
  decision: Decision,
  luck: number,
  now: Millis,
  config: BackoffConfig,
): PoolState {
  if (decision.kind === 'spawn') return spawned(state, decision.id, decision.generation, luck, now);
  const index = state.workers.findIndex(({ id }) => id === decision.id);
  const worker = state.workers[index];
  if (worker === undefined) return state;
  if (decision.kind === 'look') {
    const look = { since: now, clear: false };
    return { ...state, workers: state.workers.with(index, { ...worker, look }) };
  }
  const stage = stageAfter(worker.stage, decision, now);
  if (stage === undefined) return state;
  // By the time that a thread which had to be killed has ended, it is neither starting nor ready any more.
  const killed = decision.kind === 'kill';
  const backoff = killed ? afterEnd(state, worker, luck, now, config) : state.backoff;
  return { ...state, workers: state.workers.with(index, { ...worker, stage, look: undefined }), backoff };
}

/** `undefined` if the worker is at least as far already: no clock ever restarts. */
function stageAfter(
  stage: Stage,
  decision: Exclude<Decision, { readonly kind: 'spawn' | 'look' }>,
  now: Millis,
): Stage | undefined {
  const isLive = stage.phase === 'starting' || stage.phase === 'ready';
  switch (decision.kind) {
    case 'retire':
      return isLive ? draining(stage, decision.why, now) : undefined;
    case 'kill':
      return isLive || stage.phase === 'draining'
        ? { phase: 'killing', since: now, why: decision.why }
        : undefined;
    case 'abandon':
      return stage.phase === 'killing' ? { phase: 'zombie', since: now, why: stage.why } : undefined;
  }
}

function draining(stage: Stage, why: LeaveReason, now: Millis): Stage {
  const launchedAt = stage.phase === 'starting' && stage.launched ? stage.since : undefined;
  return { phase: 'draining', since: now, why, launchedAt };
}

function spawned(state: PoolState, id: WorkerId, generation: number, luck: number, now: Millis): PoolState {
  const workers = [...state.workers, newborn(id, generation, luck, now)];
  const toStart = Math.max(0, state.toStart - 1);
  return { ...state, workers, nextId: Math.max(state.nextId, id + 1), toStart };
}

const newborn = (id: WorkerId, generation: number, luck: number, now: Millis): WorkerRecord => ({
  id,
  generation,
  stage: { phase: 'starting', since: now, launched: false },
  bornAt: now,
  luck,
  claimed: 0,
  owed: 0,
  served: 0,
  lastActivity: now,
  lastOffer: 0,
  stolenFrom: false,
  lastBeat: now,
  beat: undefined,
  paused: false,
  maxSessions: Infinity,
  suspect: false,
  look: undefined,
  debugged: false,
  asked: false,
  broken: false,
});
