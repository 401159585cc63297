// The wait of `drain()`, and its report.
import { type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';
import { type Pool } from './pool.ts';
import { type Watchers } from './watchers.ts';

/** How a `drain()` ended. */
export interface DrainReport {
  /** Whether the number of connections came down to `until` in time. */
  readonly drained: boolean;
  /** Connections that a worker has. */
  readonly open: number;
  readonly waiting: number;
}

export interface DrainTerms {
  readonly clock: Clock;
  readonly watchers: Watchers;
  readonly limit: Millis;
  readonly until: number;
}

/** Waits until the workers of a paused pool have at most `until` connections, and none waits. */
export async function drain(
  pool: Pool,
  { clock, watchers, limit, until }: DrainTerms,
  progress: (open: number, waiting: number) => void,
): Promise<DrainReport> {
  let last = '';
  const report = (): DrainReport => {
    const waiting = pool.dispatcher.waiting;
    // Those at rest that no worker has are nobody's work.
    const open = pool.connections.size - waiting - pool.homeless.silent;
    return { drained: open <= until && waiting === 0, open, waiting };
  };
  await watchers.until(clock, limit, () => {
    const { drained, open, waiting } = report();
    const now = `${open} ${waiting}`;
    if (now !== last) progress(open, waiting);
    last = now;
    return drained;
  });
  return report();
}
