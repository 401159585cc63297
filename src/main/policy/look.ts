/** The decision to look into the thread of a worker that is overdue, since a debugger may have stopped it. */
import { type Millis } from '../../common/core/types.ts';
import { type PolicyConfig } from './config.ts';
import { silentAt, slowAt } from './limits.ts';
import { type Decision, type PoolState, type WorkerRecord } from './state.ts';

/**
 * Before a worker is dealt with for being silent or slow, it is looked at, since a debugger may have stopped it. A worker
 * that is stopped gets its time anew, and is looked at again at the end of that.
 */
export const lookAtOverdue = (
  workers: readonly WorkerRecord[],
  state: PoolState,
  config: PolicyConfig,
  now: Millis,
): readonly Decision[] =>
  workers.flatMap((worker) =>
    worker.look === undefined && !worker.broken && isOverdue(worker, state, config, now)
      ? { kind: 'look', id: worker.id }
      : [],
  );

const isOverdue = (worker: WorkerRecord, state: PoolState, config: PolicyConfig, now: Millis): boolean =>
  now >= silentAt(worker, config) || now >= slowAt(worker, state, config);
