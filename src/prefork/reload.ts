import { type EventEmitter } from 'node:events';
import { type Clock } from '../core/clock.ts';
import { errors } from '../core/errors.ts';
import { type WorkerId } from '../core/types.ts';
import { type Master } from '../master/master.ts';
import { type WorkerExit } from '../master/worker-handle.ts';
import { isLive, isReady } from '../policy/state.ts';
import { type PreforkEvents } from './events.ts';
import { type Pool } from './pool.ts';
import { type Watchers } from './watchers.ts';

/**
 * Brings up a new generation and waits until no older worker takes connections; returns its number, or `undefined`
 * when the prefork closed meanwhile. A boot that fails brings the old generation back.
 */
export async function reload(
  events: EventEmitter<PreforkEvents>,
  { master, handles }: Pool,
  clock: Clock,
  watchers: Watchers,
): Promise<number | undefined> {
  const before = master.state.generation;
  master.tell({ kind: 'reload' });
  const mine = master.state.generation;
  const failed: { error: unknown }[] = [];
  const fail = (error: unknown): void => {
    if (master.state.generation !== mine) return;
    failed.push({ error });
    master.tell({ kind: 'rolled-back', generation: before });
  };
  const onExit = ({ generation, reason, error }: WorkerExit): void => {
    if (generation === mine && reason === 'boot-failed') fail(error);
  };
  events.on('workerExited', onExit);
  await watchers.until(clock, Infinity, () => {
    const stuck = stuckInBoot(master, mine);
    // Not only its exit: a thread that cannot be ended would never have one.
    if (stuck !== undefined && failed.length === 0) fail(handles.get(stuck)?.bootError);
    return failed.length > 0 || settled(master, mine);
  });
  events.off('workerExited', onExit);
  const [failure] = failed;
  if (failure) throw errors.reloadFailed(failure.error);
  return master.state.closing ? undefined : mine;
}

const stuckInBoot = ({ state }: Master, mine: number): WorkerId | undefined =>
  state.workers.find(({ stage, generation }) => {
    return generation === mine && 'why' in stage && stage.why === 'boot-timeout';
  })?.id;

function settled({ state }: Master, generation: number): boolean {
  const live = state.workers.filter(isLive);
  // An empty pool has nothing to replace; its next worker is of the new generation.
  const renewed = live.every((worker) => worker.generation >= generation && isReady(worker));
  return renewed || state.generation < generation || state.closing !== undefined;
}
