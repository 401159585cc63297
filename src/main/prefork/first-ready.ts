// What `listen()` and `start()` wait for.
import { type Clock } from '../../common/core/clock.ts';
import { isDeserted } from '../policy/births.ts';
import { type Pool } from './pool.ts';
import { stuckInBoot } from './reload.ts';
import { type Watchers } from './watchers.ts';

/**
 * Resolves as soon as a worker is ready, or none is wanted or to be born, or `over()`; with an error if that is one which did not
 * boot in time: a thread that cannot be ended never has an exit to tell of it.
 */
export async function firstReady(
  pool: Pool,
  clock: Clock,
  watchers: Watchers,
  over: () => boolean,
): Promise<Error | undefined> {
  const { master, handles } = pool;
  const { startWorkers, minWorkers } = master.config;
  if (startWorkers + minWorkers === 0) return undefined;
  const stuck = (): Error | undefined => {
    const worker = stuckInBoot(master, 0);
    return worker && handles.get(worker.id)?.bootError;
  };
  await watchers.until(clock, Infinity, () => {
    return over() || pool.hasBooted || stuck() !== undefined || isDeserted(master.state, master.config);
  });
  return over() || pool.hasBooted ? undefined : stuck();
}
