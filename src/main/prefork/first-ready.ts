// The wait of `listen()` and `start()` for the first worker.
import { type Clock } from '../../common/core/clock.ts';
import { isDeserted } from '../policy/births.ts';
import { type Pool } from './pool.ts';
import { stuckInBoot } from './reload.ts';
import { type Watchers } from './watchers.ts';

/**
 * Resolves as soon as a worker is ready, or no worker is wanted or will be born, or the start is over. Resolves with an
 * error if a worker did not boot in time: if its thread cannot be ended, no exit would ever tell that.
 */
export async function firstReady(
  pool: Pool,
  clock: Clock,
  watchers: Watchers,
  isOver: () => boolean,
): Promise<Error | undefined> {
  const { master, handles } = pool;
  const { startWorkers, minWorkers } = master.config;
  if (startWorkers + minWorkers === 0) return undefined;
  const stuck = (): Error | undefined => {
    const worker = stuckInBoot(master, 0);
    return worker && handles.get(worker.id)?.bootError;
  };
  await watchers.until(clock, Infinity, () => {
    return isOver() || pool.hasBooted || stuck() !== undefined || isDeserted(master.state, master.config);
  });
  return isOver() || pool.hasBooted ? undefined : stuck();
}
