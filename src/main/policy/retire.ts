/** Rules 2 and 3 of the policy: which workers are asked to leave. Rule 2 for spent workers is in `spent.ts`. */
import { type LeaveReason, type Millis } from '../../common/core/types.ts';
import { type PolicyConfig } from './config.ts';
import { idleAt, isCleared, silentAt, spentWhy } from './limits.ts';
import { keptByLoad } from './load.ts';
import { type Decision, isReady, openOf, type PoolState, type WorkerRecord } from './state.ts';

export const retire = ({ id }: WorkerRecord, why: LeaveReason): Decision => ({ kind: 'retire', id, why });

/**
 * Rule 2, without regard to the minima: workers that asked to leave, that are silent, or that still boot an old
 * generation. The last kind goes on while no worker is ready: reloads that come faster than a boot would otherwise leave
 * nobody to serve for ever.
 */
export const askAtOnce = (
  live: readonly WorkerRecord[],
  state: PoolState,
  config: PolicyConfig,
  now: Millis,
): readonly Decision[] => {
  const someReady = live.some(isReady);
  return live.flatMap((worker) => {
    if (worker.asked) return retire(worker, 'asked');
    if (now >= silentAt(worker, config) && isCleared(worker, now)) return retire(worker, 'silent');
    const isOutdated = !isReady(worker) && worker.generation !== state.generation;
    return someReady && isOutdated ? retire(worker, 'reload') : [];
  });
};

/** Rule 2, spare for too long: oldest idle first, never below `minWorkers`, `minSpareWorkers` or what the load wants. */
export function retireIdle(
  live: readonly WorkerRecord[],
  state: PoolState,
  config: PolicyConfig,
  now: Millis,
): readonly Decision[] {
  // A worker that is idle while connections wait is paused or suspect. To retire it would only have another one born.
  if (state.waiting > 0) return [];
  const fresh = freshReady(live, state, config, now);
  const spare = fresh.filter(isUnused);
  const least = Math.max(config.minWorkers, keptByLoad(state, config));
  const most = Math.min(fresh.length - least, spare.length - config.minSpareWorkers);
  const due = spare.filter((worker) => now >= idleAt(worker, config));
  return oldestIdle(due, most).map((worker) => retire(worker, 'idle'));
}

/**
 * Rule 3: more spare workers than `maxSpareWorkers`, then more workers than `maxWorkers`, which was lowered. Only workers
 * that are ready can be too many: those still starting count once they are ready, or the last to arrive would push out the
 * ones that serve already. Spent ones are left to rule 2. Unused workers go first, oldest idle first; where `maxWorkers`
 * asks for more, those with the fewest clients, which they may finish within `graceTime`.
 */
export function retireSurplus(
  live: readonly WorkerRecord[],
  state: PoolState,
  config: PolicyConfig,
  now: Millis,
): readonly Decision[] {
  const ready = freshReady(live, state, config, now);
  const spare = ready.filter(isUnused);
  const unwanted = Math.min(spare.length - config.maxSpareWorkers, ready.length - config.minWorkers);
  const tooSpare = oldestIdle(spare, state.waiting > 0 ? 0 : unwanted);

  const rest = ready.filter((worker) => !tooSpare.includes(worker));
  const starting = live.filter((worker) => !isReady(worker) && worker.generation === state.generation);
  const above = rest.length + starting.length - config.maxWorkers;
  const tooMany = fewestOpen(rest, Math.min(above, rest.length - config.minWorkers));
  return [...tooSpare, ...tooMany].map((worker) => retire(worker, 'surplus'));
}

const isUnused = (worker: WorkerRecord): boolean => openOf(worker) === 0;

const freshReady = (
  live: readonly WorkerRecord[],
  state: PoolState,
  config: PolicyConfig,
  now: Millis,
): readonly WorkerRecord[] =>
  live.filter((worker) => isReady(worker) && spentWhy(worker, state, config, now) === undefined);

const oldestIdle = (workers: readonly WorkerRecord[], most: number): readonly WorkerRecord[] =>
  first(workers, most, (a, b) => a.lastActivity - b.lastActivity || a.id - b.id);

const fewestOpen = (workers: readonly WorkerRecord[], most: number): readonly WorkerRecord[] =>
  first(workers, most, (a, b) => openOf(a) - openOf(b) || a.lastActivity - b.lastActivity || a.id - b.id);

// A decision is due with nearly every connection, and hardly ever does a worker have to leave.
const first = (
  workers: readonly WorkerRecord[],
  most: number,
  order: (a: WorkerRecord, b: WorkerRecord) => number,
): readonly WorkerRecord[] => (most > 0 ? workers.toSorted(order).slice(0, most) : []);
