// What a reload waits for, in words.
import { type Millis } from '../../common/core/types.ts';
import { type PolicyConfig } from '../policy/config.ts';
import { endOf, slowAt } from '../policy/limits.ts';
import { isLive, openOf, type Phase, type PoolState, type WorkerRecord } from '../policy/state.ts';
import { type Told } from './describe-unheard.ts';

const CODE = 'FORKLESS_RELOADING';

/** A reload to a generation that has waited for so long by `now`, for a process warning. */
export function reloadNotice(
  state: PoolState,
  config: PolicyConfig,
  generation: number,
  waited: Millis,
  now: Millis,
): Told {
  const old = state.workers.filter((worker) => isLive(worker) && worker.generation < generation);
  const last = forWhom(state, (worker) => {
    const end = Math.min(slowAt(worker, state, config), endOf(worker, state, config));
    return end === Infinity ? '' : `in ${inSeconds(Math.max(0, end - now))} at most `;
  });
  const more = old.length === 0 ? '' : `, and then to replace ${count(old.length, 'old worker')}`;
  return {
    code: CODE,
    cause: CODE,
    repeated: 0,
    counted: { unit: 'like it', here: 1 },
    text: `reload() has waited for ${inSeconds(waited)}. It waits for ${last}${more}`,
    listen: 'End clients when `worker.signal` is aborted. Listen to the event `workerRetiring`',
    frames: [],
  };
}

function forWhom({ workers }: PoolState, limit: (worker: WorkerRecord) => string): string {
  const inPhase = (phase: Phase): WorkerRecord | undefined =>
    workers.find(({ stage }) => stage.phase === phase);
  const [booting, leaving, killed] = [inPhase('starting'), inPhase('draining'), inPhase('killing')];
  if (booting) return `worker ${booting.id} to boot, which fails ${limit(booting)}(\`bootTimeout\`)`;
  if (leaving)
    return `worker ${leaving.id} to leave: it has ${count(openOf(leaving), 'client')}, and is killed ${limit(leaving)}(\`graceTime\`)`;
  // Nothing that is under way, such as a full pool whose workers may not fall below `minWorkers`.
  return killed ? `worker ${killed.id} to end, which was killed` : 'a place';
}

const inSeconds = (time: Millis): string => `${Math.ceil(time / 1_000)} s`;

const count = (many: number, thing: string): string => `${many} ${thing}${many === 1 ? '' : 's'}`;
