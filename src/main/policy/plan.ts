/** The plan of the policy: the decisions of all rules in their order, and when to look again. */
import { type Millis, type WorkerId } from '../../common/core/types.ts';
import { spawnMissing } from './births.ts';
import { type PolicyConfig } from './config.ts';
import { killOverdue } from './kill.ts';
import { wakeAt } from './limits.ts';
import { lookAtOverdue } from './look.ts';
import { askAtOnce, retire, retireIdle, retireSurplus } from './retire.ts';
import { retireSpent } from './spent.ts';
import { type Decision, isLive, type Plan, type PoolState, type WorkerRecord } from './state.ts';

/**
 * Says what is to be done now, and when to look again. This is the rule book, in the order of the ancestor. Performing the
 * decisions and planning again at the same instant ends with an empty plan.
 */
export function plan(state: PoolState, config: PolicyConfig, now: Millis): Plan {
  const deeds = decide(state, config, now);
  const looks = lookAtOverdue(without(state.workers, deeds), state, config, now);
  return { decisions: [...looks, ...deeds], wakeAt: wakeAt(state, config, now) };
}

function decide(state: PoolState, config: PolicyConfig, now: Millis): readonly Decision[] {
  // 1. Kill who had its time.
  const kills = killOverdue(state, config, now);
  const live = without(state.workers.filter(isLive), kills);
  if (state.closing !== undefined) return [...kills, ...live.map((worker) => retire(worker, 'closing'))];

  // 2. Ask to retire: at once, then where the minima allow it, then where a replacement stands.
  const asks = askAtOnce(live, state, config, now);
  const heard = without(live, asks);
  const idle = retireIdle(heard, state, config, now);
  const wanted = without(heard, idle);
  const leaving = [...kills, ...asks, ...idle];
  const spent = retireSpent(wanted, state, config, now);
  const staying = without(wanted, spent);

  // 3. Trim the surplus.
  const surplus = retireSurplus(staying, state, config, now);

  // 4. Fill the gap, unless there was a surplus. A new zombie may cost a place, so that is counted first.
  const unsettled = surplus.length > 0 || kills.some(({ kind }) => kind === 'abandon');
  const births = unsettled ? [] : spawnMissing(staying, state, config, now);
  return [...leaving, ...spent, ...surplus, ...births];
}

function without(workers: readonly WorkerRecord[], decisions: readonly Decision[]): readonly WorkerRecord[] {
  if (decisions.length === 0) return workers;
  const gone = new Set<WorkerId>(decisions.map(({ id }) => id));
  return workers.filter(({ id }) => !gone.has(id));
}
