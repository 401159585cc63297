// How the end of a thread is noticed, and for which reason it ended.
import { type Worker } from 'node:worker_threads';
import { textOf } from '../../common/core/thrown.ts';
import { type ThreadExit } from './host.ts';

/** Forms the verdict on one thread. The first sign that it gets counts. */
export interface Watch {
  /** Ends the thread. If nothing was wrong with it before, it counts as terminated. */
  readonly terminate: () => void;
  /** Names a fault that the thread itself cannot tell, since it never ran the worker module. */
  readonly blame: (error: unknown) => void;
}

type Verdict = Pick<ThreadExit, 'reason' | 'error'>;

const isOutOfMemory = (thrown: unknown): boolean => textOf(thrown, 'code') === 'ERR_WORKER_OUT_OF_MEMORY';

/**
 * Calls `then` when the last message of a thread was delivered. Node tells 'exit' apart from the messages of other
 * ports: in up to a third of the runs the last messages came after it. They are queued by then, and the loop empties
 * the queue of a port once in each turn. But the turn that brings 'exit' may have begun on a queue that still grew. So
 * only the second turn is surely after the last message.
 */
export function afterLastMessage(then: () => void): void {
  setImmediate(() => setImmediate(then));
}

/**
 * Listens to the thread itself. The promise of a pool cannot be trusted: piscina's resolves when the thread throws
 * `null`, tinypool's never settles after `process.exit()`.
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
      // Each call would add one more listener to a thread that cannot end.
      if (!asked) void worker.terminate();
      asked = true;
    },
    blame: (error) => {
      verdict ??= { reason: 'crashed', error };
    },
  };
}
