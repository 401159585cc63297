/** The limit of real time for calls of a test that wait. Runs in the thread of the test. */
import { errors } from '../common/core/errors.ts';
import { type Millis } from '../common/core/types.ts';
import { clearInterval, setInterval } from './real-timers.ts';

export interface PatienceOptions {
  readonly limit: Millis;
  /** Changes with whatever moves. */
  readonly moved: () => number;
  /** The things that the call may be waiting for. */
  readonly why: () => string;
}

/** Waits with a call, but rejects with `FORKLESS_NOT_SETTLED` when nothing has moved for `limit` of real time. */
export async function patiently<T>(call: string, wait: Promise<T>, options: PatienceOptions): Promise<T> {
  const { limit, moved, why } = options;
  let timer: NodeJS.Timeout | undefined;
  const lost = new Promise<never>((_resolve, reject) => {
    let seen = moved();
    timer = setInterval(() => {
      if (moved() === seen) reject(errors.notSettled(call, limit, why()));
      seen = moved();
    }, limit);
  });
  try {
    return await Promise.race([wait, lost]);
  } finally {
    clearInterval(timer);
  }
}
