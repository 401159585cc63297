/** The number of workers that the load of the event loops asks for, or still justifies. */
import { type PolicyConfig } from './config.ts';
import { type PoolState, type WorkerRecord } from './state.ts';

type LoadConfig = Pick<PolicyConfig, 'growUtilization'>;

/**
 * How much of a worker's event loop is in use. A worker that let a claim time out is blocked, whatever its
 * last heartbeat said. A worker without a heartbeat yet most likely takes over the load of others that left. A worker that
 * leaves will leave its load to the others.
 */
function useOf({ stage, suspect, beat }: WorkerRecord, { growUtilization }: LoadConfig): number {
  if (stage.phase === 'draining') return beat?.utilization ?? 0;
  if (stage.phase !== 'ready') return 0;
  return suspect ? 1 : (beat?.utilization ?? growUtilization / 2);
}

/** Workers among which the load makes each at most so busy, on average. */
function spreadOver(utilization: number, { workers }: PoolState, config: LoadConfig): number {
  if (config.growUtilization === Infinity) return 0;
  return Math.ceil(workers.reduce((sum, worker) => sum + useOf(worker, config), 0) / utilization);
}

/** Workers that the load asks for. */
export const wantedByLoad = (state: PoolState, config: LoadConfig): number =>
  spreadOver(config.growUtilization, state, config);

/** Workers that the load still justifies. Half as busy, so that a worker that has left is not wanted again at once. */
export const keptByLoad = (state: PoolState, config: LoadConfig): number =>
  spreadOver(config.growUtilization / 2, state, config);
