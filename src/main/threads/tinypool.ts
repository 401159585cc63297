// The thread host on tinypool.
import { Worker } from 'node:worker_threads';
import { type ThreadHost } from './host.ts';
import { loadPoolHost } from './pool-host.ts';

const isWrapper = (thread: unknown): thread is { readonly thread: unknown } =>
  typeof thread === 'object' && thread !== null && 'thread' in thread;

/** Each thread is a tinypool pool of one. */
export const loadTinypool = (): Promise<ThreadHost> =>
  loadPoolHost({
    name: 'tinypool',
    // `teardown` and `terminateTimeout` are not given: the first leaks a killed thread, the second rejects unhandled.
    options: { runtime: 'worker_threads' },
    workerOf: (thread) => (isWrapper(thread) && thread.thread instanceof Worker ? thread.thread : undefined),
  });
