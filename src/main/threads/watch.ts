// How the end of a thread is noticed, and for which reason it ended.
import { type Worker } from 'node:worker_threads';
import { textOf } from '../../common/core/thrown.ts';
import { type ThreadExit } from './host.ts';

/** Where the verdict on one thread is formed; of what is heard, the first counts. */
export interface Watch {
  /** Ends the thread; if nothing was wrong with it before, it counts as terminated. */
  readonly terminate: () => void;
  /** Names a fault that the thread itself cannot tell: it never got to run the worker module. */
  readonly blame: (error: unknown) => void;
}

type Verdict = Pick<ThreadExit, 'reason' | 'error'>;

const isOutOfMemory = (thrown: unknown): boolean => textOf(thrown, 'code') === 'ERR_WORKER_OUT_OF_MEMORY';

// Node tells 'exit' apart from what comes over other ports: in up to a third of the runs the last messages came
// after it. They are queued by then, and the loop empties a port's queue once per turn; but the turn that brings
// 'exit' may have begun on a queue that still grew. So it is the second turn that is after the last message.
export function afterLastMessage(then: () => void): void {
  setImmediate(() => setImmediate(then));
}

/**
 * Listens to the thread itself. A pool's promise cannot be trusted: piscina's resolves when the thread throws `null`,
 * tinypool's never settles after `process.exit()`.
 */
export function watch(worker: Worker, exited: (exit: ThreadExit) => void): Watch {
  let verdict: Verdict | undefined;
  let asked = false;
  worker.on('error', (error: unknown) => {
    verdict ??= { reason: isOutOfMemory(error) ? 'out-of-memory' : 'crashed', error };
  });
  worker.once('exit', (code) => {
    verdict ??= { reason: 'exited' };
    const exit = { code, ...verdict };
    afterLastMessage(() => {
      exited(exit);
    });
  });
  return {
    terminate: () => {
      verdict ??= { reason: 'terminated' };
      // Each call would leave one more listener on a thread that cannot end.
      if (!asked) void worker.terminate();
      asked = true;
    },
    blame: (error) => {
      verdict ??= { reason: 'crashed', error };
    },
  };
}
