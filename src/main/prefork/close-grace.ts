// How long `close()` lets workers finish.
import { MAX_WAIT, millisOrNever } from '../../common/core/check.ts';
import { type Millis } from '../../common/core/types.ts';
import { type PreforkSettings } from './settings.ts';

/**
 * The longest default grace of `close()`. Kubernetes kills a process 30 s after it has asked it to end. The grace
 * leaves room in them for the steps that follow: `killTimeout`, and a second each for the last connections and for the
 * program.
 */
export const CLOSE_GRACE: Millis = 25_000;

/** How long `close()` lets workers finish; throws `FORKLESS_BAD_OPTION`. */
export function closeGrace({ given, policy, shutdownWorkers }: PreforkSettings, grace?: Millis): Millis {
  if (shutdownWorkers) return 0;
  // A grace that is longer than a timer can wait becomes the longest that it can.
  const byDefault =
    given.graceTime === Infinity
      ? Infinity
      : Math.min(given.graceTime ?? Math.min(policy.graceTime, CLOSE_GRACE), MAX_WAIT);
  return millisOrNever('grace', grace ?? byDefault, 0);
}
