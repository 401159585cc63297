/** The wait before the next birth, after workers that did not boot or died soon after. */
import { type Millis } from '../../common/core/types.ts';
import { type PolicyConfig } from './config.ts';
import { isReady, type PoolState, type WorkerRecord, type Backoff, NO_BACKOFF } from './state.ts';

export type BackoffConfig = Pick<PolicyConfig, 'bootRetryDelay' | 'maxBootRetryDelay' | 'minUptime'>;

/**
 * The backoff after one more failure: `bootRetryDelay`, doubled with each failure in a row up to
 * `maxBootRetryDelay`, less up to a half by `luck` (0 to 1) so that several pools do not retry in step.
 * Source of the rule: exponential backoff with "equal jitter", Brooker, AWS Architecture Blog, 2015.
 */
export function failed(
  backoff: Backoff,
  config: Pick<BackoffConfig, 'bootRetryDelay' | 'maxBootRetryDelay'>,
  now: Millis,
  luck: number,
  young = false,
): Backoff {
  // Workers that boot at the same time fail at the same time: that is one failure, not a dozen doublings.
  if (now < backoff.until) return backoff;
  const delay = Math.min(config.maxBootRetryDelay, config.bootRetryDelay * 2 ** backoff.failures);
  return { failures: backoff.failures + 1, until: now + delay * (1 - luck / 2), young };
}

/** A worker that ends by itself so soon after its boot has failed, as one that does not boot at all. */
export const isYoung = (worker: WorkerRecord, config: BackoffConfig, now: Millis): boolean =>
  isReady(worker) && now < worker.stage.since + config.minUptime;

/**
 * When the failures are over, if no further one comes: a boot that failed is forgiven by the next that succeeds (see
 * `evolve`), a death soon after it only by a worker that has stood for `minUptime` since births were allowed again.
 */
export function forgivenAt({ backoff, workers }: PoolState, config: BackoffConfig): Millis {
  if (!backoff.young) return Infinity;
  const stand = ({ stage }: WorkerRecord): Millis => Math.max(stage.since, backoff.until) + config.minUptime;
  return Math.min(Infinity, ...workers.filter(isReady).map(stand));
}

/** The backoff in force. */
export const backoffOf = (state: PoolState, config: BackoffConfig, now: Millis): Backoff =>
  now >= forgivenAt(state, config) ? NO_BACKOFF : state.backoff;
