/** The births that the policy decides on: how many workers are missing, and how many may be born now. */
import { type Millis } from '../../common/core/types.ts';
import { backoffOf } from './backoff.ts';
import { type PolicyConfig } from './config.ts';
import { spentWhy } from './limits.ts';
import { wantedByLoad } from './load.ts';
import {
  type Decision,
  isLive,
  isReady,
  isSpare,
  type PoolState,
  type WorkerRecord,
  type Backoff,
} from './state.ts';

export const zombiesOf = ({ workers }: PoolState): number =>
  workers.filter(({ stage }) => stage.phase === 'zombie').length;

/** Places for live workers: `maxWorkers`, less one for each zombie beyond `maxZombies`. */
export function capacityOf(state: PoolState, config: PolicyConfig): number {
  return config.maxWorkers - Math.max(0, zombiesOf(state) - config.maxZombies);
}

/** Threads above the places for live workers: room for the replacement of one that is spent, or leaves. */
export const REPLACEMENTS = 1;

/** Threads that may be started; a place is taken until its thread has ended. Negative after `maxWorkers` was lowered. */
export function roomOf(state: PoolState, config: PolicyConfig): number {
  const threads = state.workers.filter(({ stage }) => stage.phase !== 'zombie').length;
  return capacityOf(state, config) + REPLACEMENTS - threads;
}

/**
 * Rule 4: births for what is missing, as if the spent workers had left already. So the one place above `maxWorkers` is
 * only ever taken beside a worker that is spent or leaves.
 */
export function spawnMissing(
  live: readonly WorkerRecord[],
  state: PoolState,
  config: PolicyConfig,
  now: Millis,
): readonly Decision[] {
  const fresh = live.filter((worker) => spentWhy(worker, state, config, now) === undefined);
  const missing = Math.max(missingBeside(fresh, state, config), wantedByLoad(state, config) - fresh.length);
  const most = Math.min(
    roomOf(state, config),
    capacityOf(state, config) - fresh.length,
    bootsAllowed(fresh, backoffOf(state, config, now), now),
  );
  return Array.from({ length: Math.max(0, Math.min(missing, most)) }, (_, index) => ({
    kind: 'spawn',
    id: state.nextId + index,
    generation: state.generation,
  }));
}

function missingBeside(fresh: readonly WorkerRecord[], state: PoolState, config: PolicyConfig): number {
  return Math.max(
    config.minSpareWorkers - fresh.filter(isSpare).length,
    config.minWorkers - fresh.length,
    state.toStart,
    demand(fresh, state, config),
  );
}

/** Nobody lives, and nobody will be born before something else happens: who waits for a worker would wait for ever. */
export function isDeserted(state: PoolState, config: PolicyConfig): boolean {
  if (state.workers.some(isLive)) return false;
  return capacityOf(state, config) <= 0 || missingBeside([], state, config) <= 0;
}

/**
 * Workers wanted because connections wait: nobody can take them, so one is wanted even where `minWorkers` is 0. Those
 * that are starting, or stand there unused, were born for it already.
 */
function demand(fresh: readonly WorkerRecord[], state: PoolState, config: PolicyConfig): number {
  if (state.waiting === 0) return 0;
  const each = Math.min(config.maxSessionsPerWorker, config.maxServed);
  return Math.max(1, Math.ceil(state.waiting / each)) - fresh.filter(isNewcomer).length;
}

const isNewcomer = (worker: WorkerRecord): boolean =>
  !isReady(worker) || (worker.lastOffer === 0 && !worker.paused && !worker.suspect && worker.maxSessions > 0);

/** After a failed boot one at a time, until one succeeds: a broken module would fail in all of them alike. */
function bootsAllowed(fresh: readonly WorkerRecord[], { failures, until }: Backoff, now: Millis): number {
  if (now < until) return 0;
  return failures === 0 ? Infinity : 1 - fresh.filter((worker) => !isReady(worker)).length;
}
