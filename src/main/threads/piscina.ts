// The thread host on piscina, which is the default.
import { Worker } from 'node:worker_threads';
import { type ThreadHost } from './host.ts';
import { loadPoolHost } from './pool-host.ts';

/** Each thread is a piscina pool of one; the default host. */
export const loadPiscina = (): Promise<ThreadHost> =>
  loadPoolHost({
    name: 'piscina',
    // With the other modes the last lines that a thread prints can get lost.
    options: { atomics: 'sync' },
    workerOf: (thread) => (thread instanceof Worker ? thread : undefined),
  });
