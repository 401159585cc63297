/** The limits of a worker's life: its deadlines, when it counts as spent, and when the master must look again. */
import { type LeaveReason, type Millis } from '../../common/core/types.ts';
import { forgivenAt } from './backoff.ts';
import { type PolicyConfig } from './config.ts';
import { type Beat, isReady, openOf, type PoolState, type Stage, type WorkerRecord } from './state.ts';

export type QuotaConfig = Pick<PolicyConfig, 'maxServed' | 'servedJitter'>;

/** How many connections this worker may be offered in its life: exactly `maxServed` without jitter. */
const quotaOf = (worker: WorkerRecord, config: QuotaConfig): number =>
  Math.max(1, Math.ceil(config.maxServed * (1 - config.servedJitter * worker.luck)));

export const isUsedUp = (worker: WorkerRecord, config: QuotaConfig): boolean =>
  worker.served >= quotaOf(worker, config);

// Each deadline is one sum and compared with `now >= …` everywhere, so that a timer set for it finds it due.

/** The end of a worker's own time to boot or to drain. */
export function slowAt({ stage }: WorkerRecord, state: PoolState, config: PolicyConfig): Millis {
  switch (stage.phase) {
    case 'starting':
      // A thread that still waits for its turn to start is not slow.
      return stage.launched ? stage.since + config.bootTimeout : Infinity;
    case 'draining':
      return Math.min(drainedBy(stage, state, config), (stage.launchedAt ?? Infinity) + config.bootTimeout);
    case 'ready':
    case 'killing':
    case 'zombie':
      return Infinity;
  }
}

// Closing sets an end for all workers. A worker that was asked to leave before gets no more time by it.
const drainedBy = (
  { since, why }: Extract<Stage, { phase: 'draining' }>,
  { closing }: PoolState,
  { graceTime }: PolicyConfig,
): Millis => (closing && why === 'closing' ? Infinity : since + graceTime);

/** The deadline that nothing puts off: the end of the grace of `close()`, or of `killTimeout`. */
export function endOf(
  { stage }: WorkerRecord,
  { closing }: PoolState,
  { killTimeout }: PolicyConfig,
): Millis {
  if (stage.phase === 'killing') return stage.since + killTimeout;
  return stage.phase === 'draining' ? (closing?.until ?? Infinity) : Infinity;
}

/** The longest that the answer of a look is waited for; whoever looks gives up sooner. */
const LOOK_TIME: Millis = 2_000;

/** When the answer of its look is not waited for any longer. */
export const lookedBy = ({ look }: WorkerRecord): Millis =>
  look === undefined || look.clear ? Infinity : look.since + LOOK_TIME;

/** Whether it was looked at, and no debugger has stopped it as far as that could tell. */
export const isCleared = (worker: WorkerRecord, now: Millis): boolean =>
  worker.look !== undefined && (worker.look.clear || now >= lookedBy(worker));

export const silentAt = (worker: WorkerRecord, config: PolicyConfig): Millis =>
  isReady(worker) ? worker.lastBeat + config.workerExpireTime : Infinity;

const agedAt = (worker: WorkerRecord, config: PolicyConfig): Millis =>
  isReady(worker) ? worker.bornAt + config.maxLifetime * (1 - config.lifetimeJitter * worker.luck) : Infinity;

export const idleAt = (worker: WorkerRecord, config: PolicyConfig): Millis =>
  isReady(worker) && openOf(worker) === 0 ? worker.lastActivity + config.maxSpareTime : Infinity;

function isTooBig({ heap, external }: Beat, luck: number, config: PolicyConfig): boolean {
  const share = 1 - config.memoryJitter * luck;
  return heap > config.maxHeap * share || external > config.maxExternal * share;
}

/** Why a worker is to be replaced by a fresh one, if it is. Only its generation can be wrong before it is ready. */
export function spentWhy(
  worker: WorkerRecord,
  state: PoolState,
  config: PolicyConfig,
  now: Millis,
): LeaveReason | undefined {
  const { beat } = worker;
  if (worker.generation !== state.generation) return 'reload';
  if (!isReady(worker)) return undefined;
  if (isUsedUp(worker, config)) return 'served';
  if (now >= agedAt(worker, config)) return 'aged';
  if (beat === undefined) return undefined;
  if (isTooBig(beat, worker.luck, config)) return 'memory';
  return beat.utilization > config.maxUtilization ? 'utilization' : undefined;
}

/** When to look again at the latest: deadlines that have passed wait for an event, not for a clock. */
export function wakeAt(state: PoolState, config: PolicyConfig, now: Millis): Millis {
  const deadlines = state.workers.flatMap((worker) => [
    slowAt(worker, state, config),
    endOf(worker, state, config),
    lookedBy(worker),
    silentAt(worker, config),
    agedAt(worker, config),
    idleAt(worker, config),
  ]);
  const ahead = [...deadlines, state.backoff.until, forgivenAt(state, config)].filter((at) => at > now);
  return ahead.reduce((first, at) => Math.min(first, at), now + config.masterHeartbeat);
}
