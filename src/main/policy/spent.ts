/** Rule 2 of the policy for spent workers: one leaves only while enough others accept connections. */
import { type LeaveReason, type Millis } from '../../common/core/types.ts';
import { capacityOf, REPLACEMENTS, roomOf } from './births.ts';
import { type PolicyConfig } from './config.ts';
import { isUsedUp, spentWhy } from './limits.ts';
import { wantedByLoad } from './load.ts';
import { retire } from './retire.ts';
import { type Decision, isReady, openOf, type PoolState, type WorkerRecord } from './state.ts';

interface Spent {
  readonly worker: WorkerRecord;
  readonly why: LeaveReason;
  readonly busy: boolean;
  /** It still takes connections, so its leave is felt. */
  readonly accepts: boolean;
}

/**
 * Rule 2, make before break: a worker that is too old, used up, too big, too busy or of an old generation leaves only
 * while enough others accept connections without it; births are counted as if it had left already, so its
 * replacement comes. Spare workers go first, then the oldest.
 *
 * A pool that is full has one place above `maxWorkers` for that: its workers are replaced one after the other, the next
 * when the thread of the one before has ended. Workers that take nothing more need not wait for that.
 */
export function retireSpent(
  live: readonly WorkerRecord[],
  state: PoolState,
  config: PolicyConfig,
  now: Millis,
): readonly Decision[] {
  const spent = spentOf(live, state, config, now);
  if (spent.length === 0) return [];
  const going = spareable(isFull(state, config) ? idleFirst(spent) : spent, live, state, config);
  return going.map(({ worker, why }) => retire(worker, why));
}

const isFull = (state: PoolState, config: PolicyConfig): boolean => roomOf(state, config) <= REPLACEMENTS;

// All workers that are to be replaced share one place, so one waits for the other. An idle worker frees the place at once,
// and a busy one keeps it until its clients are served.
function idleFirst(spent: readonly Spent[]): readonly Spent[] {
  const idle = spent.some(({ accepts, busy }) => accepts && !busy);
  return idle ? spent.filter(({ accepts, busy }) => !(accepts && busy)) : spent;
}

function spareable(
  spent: readonly Spent[],
  live: readonly WorkerRecord[],
  state: PoolState,
  config: PolicyConfig,
): readonly Spent[] {
  const mayWait = !isFull(state, config);
  // More accept than there are places for: nothing beyond that is waited for.
  const all = Math.max(1, capacityOf(state, config));
  const accepting = live.filter((worker) => isReady(worker) && !isUsedUp(worker, config));
  const least = Math.max(config.minWorkers, wantedByLoad(state, config));
  let others = accepting.length;
  let spare = accepting.filter((worker) => openOf(worker) === 0).length;
  return spent.filter(({ accepts, busy }) => {
    const othersAfter = accepts ? others - 1 : others;
    const spareAfter = accepts && !busy ? spare - 1 : spare;
    const stands = othersAfter >= least && (busy || spareAfter >= config.minSpareWorkers);
    const enough = stands || othersAfter >= all;
    if (!enough && (accepts || mayWait)) return false;
    others = othersAfter;
    spare = spareAfter;
    return true;
  });
}

const spentOf = (
  live: readonly WorkerRecord[],
  state: PoolState,
  config: PolicyConfig,
  now: Millis,
): readonly Spent[] =>
  live
    .filter((worker) => isReady(worker) && !awaitsLastClaim(worker, config))
    .flatMap((worker) => {
      const why = spentWhy(worker, state, config, now);
      const accepts = !isUsedUp(worker, config);
      return why === undefined ? [] : { worker, why, busy: openOf(worker) > 0, accepts };
    })
    .sort((a, b) => Number(a.busy) - Number(b.busy) || a.worker.id - b.worker.id);

// Asked before it claims its last connection it would lose that one again, and with a `maxServed` of 1 serve nobody ever.
const awaitsLastClaim = (worker: WorkerRecord, config: PolicyConfig): boolean =>
  worker.owed > 0 && isUsedUp(worker, config);
