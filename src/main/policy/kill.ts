/**
 * Rule 1 of the policy: a worker that is overdue or breaks the protocol is killed, and a thread that does not end is
 * given up.
 */
import { type Millis } from '../../common/core/types.ts';
import { type PolicyConfig } from './config.ts';
import { endOf, isCleared, slowAt } from './limits.ts';
import { type Decision, type PoolState, type WorkerRecord } from './state.ts';

/** Rule 1: who did not boot, leave or die in time, and who breaks the protocol, is dealt with by force. */
export const killOverdue = (state: PoolState, config: PolicyConfig, now: Millis): readonly Decision[] =>
  state.workers.flatMap((worker) => {
    const slow = now >= slowAt(worker, state, config) && isCleared(worker, now);
    return force(worker, slow || now >= endOf(worker, state, config)) ?? [];
  });

function force({ id, stage, broken }: WorkerRecord, overdue: boolean): Decision | undefined {
  if (stage.phase === 'zombie') return undefined;
  if (stage.phase === 'killing') return overdue ? { kind: 'abandon', id } : undefined;
  if (broken) return { kind: 'kill', id, why: 'garbage' };
  const why = stage.phase === 'draining' ? stage.why : 'boot-timeout';
  return overdue ? { kind: 'kill', id, why } : undefined;
}
