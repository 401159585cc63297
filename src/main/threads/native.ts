// The thread host on Node's own Worker.
import { Worker } from 'node:worker_threads';
import { type ThreadHost, type ThreadSpec } from './host.ts';
import { type Launched, startThread, threadOptions } from './thread.ts';

function launch(spec: ThreadSpec): Launched {
  // The user's module is the entry of the thread, so there is no file of ours that a bundler could lose.
  const worker = new Worker(new URL(spec.boot.url), {
    ...threadOptions(spec),
    name: spec.name,
    workerData: { forkless: spec.boot },
    transferList: [spec.boot.port],
  });
  return {
    worker,
    ref: () => {
      worker.ref();
    },
    unref: () => {
      worker.unref();
    },
  };
}

/** Node's own Worker; the host for bundles and single executables. */
export const native: ThreadHost = {
  name: 'worker',
  start: (spec, exited) => startThread(spec, exited, launch),
};
