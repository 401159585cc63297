// How long `close()` lets workers finish.
import { MAX_WAIT, millisOrNever } from '../../common/core/check.ts';
import { type Millis } from '../../common/core/types.ts';
import { type PreforkSettings } from './settings.ts';

/**
 * The default grace of `close()`. Kubernetes kills 30 s after it has asked; what follows the grace (`killTimeout`, and a
 * second each for the last connections and for the program itself) has room within that.
 */
export const CLOSE_GRACE: Millis = 25_000;

/** How long `close()` lets workers finish; throws `FORKLESS_BAD_OPTION`. */
export function closeGrace({ given, policy, shutdownWorkers }: PreforkSettings, grace?: Millis): Millis {
  if (shutdownWorkers) return 0;
  // Longer than a timer can wait is as long as it can.
  const byDefault =
    given.graceTime === Infinity
      ? Infinity
      : Math.min(given.graceTime ?? Math.min(policy.graceTime, CLOSE_GRACE), MAX_WAIT);
  return millisOrNever('grace', grace ?? byDefault, 0);
}
