/** Waits until the master and the workers of a test have nothing left to do. Runs in the thread of the test. */
import { performance } from 'node:perf_hooks';
import { type Millis } from '../common/core/types.ts';
import { type InlineHost } from './inline-host.ts';
import { setImmediate, setTimeout } from './real-timers.ts';

// A message takes one turn, what it brings about in the main thread is decided at the end of that one, and an end is
// told two turns later.
const CALM_TURNS = 4;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Resolves with true once nothing moves between the master and its workers any more and no module is being loaded,
 * with false if that is not so within `limit` of real time.
 */
export async function quiet(host: InlineHost, limit: Millis): Promise<boolean> {
  const end = performance.now() + limit;
  let seen = host.stirs;
  for (let calm = 0; calm < CALM_TURNS; calm += 1) {
    await turn();
    if (host.stirs === seen && host.loading === 0) continue;
    if (performance.now() > end) return false;
    seen = host.stirs;
    calm = -1;
  }
  return true;
}

/** The same, and no promise of a handler is pending, or none of those that `busy` tells of. */
export async function settled(
  host: InlineHost,
  limit: Millis,
  busy: () => boolean = () => host.pending.length > 0,
): Promise<boolean> {
  const end = performance.now() + limit;
  while (await quiet(host, end - performance.now())) {
    if (!busy()) return true;
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return false;
}
