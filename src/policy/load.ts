import { type PolicyConfig } from './config.ts';
import { isReady, type WorkerRecord } from './state.ts';

type LoadConfig = Pick<PolicyConfig, 'growUtilization'>;

/** The event loops that are in use, as a sum. A worker that let a claim time out is blocked, whatever it said before. */
const loadOf = (workers: readonly WorkerRecord[]): number =>
  workers
    .filter(isReady)
    .reduce((sum, { suspect, beat }) => sum + (suspect ? 1 : (beat?.utilization ?? 0)), 0);

/** Workers that the load asks for: with fewer, each would be busier than `growUtilization` on average. */
export const wantedByLoad = (workers: readonly WorkerRecord[], { growUtilization }: LoadConfig): number =>
  Math.ceil(loadOf(workers) / growUtilization);

/** Workers that the load still justifies. Half as busy, so that a worker that has left is not wanted again at once. */
export const keptByLoad = (workers: readonly WorkerRecord[], { growUtilization }: LoadConfig): number =>
  Math.ceil(loadOf(workers) / (growUtilization / 2));
