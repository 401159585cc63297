import { performance } from 'node:perf_hooks';

// performance.now() counts from the start of each thread, hrtime() in all threads from the same instant.
const AHEAD = Number(process.hrtime.bigint() / 1_000_000n) - performance.now();

/** Milliseconds on a monotonic clock that all threads of the process share. */
export const sharedNow = (): number => performance.now() + AHEAD;
