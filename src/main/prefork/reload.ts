// The work of `reload()`, and its wait for the new generation.
import { type Clock } from '../../common/core/clock.ts';
import { errors } from '../../common/core/errors.ts';
import { type Millis } from '../../common/core/types.ts';
import { type Master } from '../master/master.ts';
import { type WorkerExit } from '../master/worker-handle.ts';
import { isLive, isReady, type WorkerRecord } from '../policy/state.ts';
import { type Told } from './describe-unheard.ts';
import { type Pool } from './pool.ts';
import { reloadNotice } from './reload-notice.ts';
import { type Watchers } from './watchers.ts';

// Most reloads are over by then.
const SILENT: Millis = 5_000;

/**
 * Brings up a new generation and waits until no older worker takes connections. Returns the number of the generation,
 * or `undefined` if the prefork closed meanwhile. If a boot fails, the pool goes back to the last generation that has
 * booted, and all reloads since then fail: they would all load the same module. `notice` is told once what it waits for, when
 * that takes long.
 */
export async function reload(
  { master, handles, exitWatchers }: Pool,
  clock: Clock,
  watchers: Watchers,
  notice: (told: Told) => void,
): Promise<number | undefined> {
  const before = master.state.generation;
  master.tell({ kind: 'reload' });
  const mine = master.state.generation;
  const failed: { error: unknown }[] = [];
  const fail = (generation: number, error: unknown): void => {
    if (generation < mine) return;
    if (generation === master.state.generation)
      master.tell({ kind: 'rolled-back', generation: lastBooted(master, generation) ?? before });
    if (master.state.generation < mine) failed.push({ error });
  };
  const onExit = ({ generation, reason, error }: WorkerExit): void => {
    if (reason === 'boot-failed') fail(generation, error);
  };
  const cancelNotice = clock.callAt(clock.now() + SILENT, () => {
    notice(reloadNotice(master.state, master.config, mine, SILENT, clock.now()));
  });
  exitWatchers.add(onExit);
  await watchers.until(clock, Infinity, () => {
    const stuck = stuckInBoot(master, mine);
    // Its exit alone would not do: a thread that cannot be ended never has one.
    if (stuck !== undefined && failed.length === 0) fail(stuck.generation, handles.get(stuck.id)?.bootError);
    return failed.length > 0 || settled(master, mine);
  });
  exitWatchers.delete(onExit);
  cancelNotice();
  const [failure] = failed;
  if (failure) throw errors.reloadFailed(failure.error);
  return master.state.closing ? undefined : mine;
}

function lastBooted({ state }: Master, below: number): number | undefined {
  const booted = state.workers.filter((worker) => isReady(worker) && worker.generation < below);
  return booted.length === 0 ? undefined : Math.max(...booted.map(({ generation }) => generation));
}

/** A worker that did not boot in time, if there is one. Its thread may never end. */
export const stuckInBoot = ({ state }: Master, mine: number): WorkerRecord | undefined =>
  state.workers.find(({ stage, generation }) => {
    return generation >= mine && 'why' in stage && stage.why === 'boot-timeout';
  });

function settled({ state }: Master, generation: number): boolean {
  const live = state.workers.filter(isLive);
  // An empty pool has nothing to replace: its next worker is of the new generation.
  const renewed = live.every((worker) => worker.generation >= generation && isReady(worker));
  return renewed || state.closing !== undefined;
}
