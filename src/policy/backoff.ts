import { type Millis } from '../core/types.ts';
import { type PolicyConfig } from './config.ts';

/** Boot failures in a row, and until when no worker is born for it. */
export interface Backoff {
  readonly failures: number;
  readonly until: Millis;
}

export type BackoffConfig = Pick<PolicyConfig, 'bootRetryDelay' | 'maxBootRetryDelay'>;

export const NO_BACKOFF: Backoff = { failures: 0, until: -Infinity };

/**
 * The backoff after one more failed boot: `bootRetryDelay`, doubled with each failure in a row up to
 * `maxBootRetryDelay`, less up to a half by `luck` (0 to 1) so that several pools do not retry in step.
 * Source of the rule: exponential backoff with "equal jitter", Brooker, AWS Architecture Blog, 2015.
 */
export function failed(backoff: Backoff, config: BackoffConfig, now: Millis, luck: number): Backoff {
  // Workers that boot at the same time fail at the same time: that is one failure, not a dozen doublings.
  if (now < backoff.until) return backoff;
  const delay = Math.min(config.maxBootRetryDelay, config.bootRetryDelay * 2 ** backoff.failures);
  return { failures: backoff.failures + 1, until: now + delay * (1 - luck / 2) };
}
