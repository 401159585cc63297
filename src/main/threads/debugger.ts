// Debuggers: whether one has stopped a thread, and how a terminated thread gets free of it.
import { type Worker } from 'node:worker_threads';
import { type Millis } from '../../common/core/types.ts';
import { visitThread } from './thread-inspector.ts';

// Twice the time that a thread takes to boot beside others on a busy machine.
const BOOTS_FOR: Millis = 200;

/**
 * Finds out whether a debugger has stopped the thread, at a breakpoint or before its first line, and leaves it so.
 * `found` is called once, at the latest by the returned function. A thread in a native call does not answer.
 *
 * A thread that is stopped tells a further session so before it answers the first command of that session. Nothing is
 * evaluated in the thread: a thread that evaluates something in the midst of a loop can never be terminated afterwards.
 */
export function lookForDebugger(worker: Worker, found: (debugged: boolean) => void): () => void {
  let ended = false;
  let wait: NodeJS.Timeout | undefined;
  const tell = (debugged: boolean): void => {
    if (ended) return;
    ended = true;
    clearTimeout(wait);
    end(['Debugger.disable']);
    found(debugged);
  };
  const end = visitThread(worker.threadId, {
    attached: (send) => {
      send('Debugger.enable');
    },
    told: ({ id, method }) => {
      if (method === 'Debugger.paused') tell(true);
      else if (id !== undefined && hasBegun(worker)) tell(false);
      // The thread answers, but its loop has never turned. It may boot just now, hang in what it loads first, or wait
      // for a debugger. The last is possible only if a debugger can have reached this process, which an open port
      // shows.
      else if (id !== undefined && !mayBeInspected()) tell(false);
      else if (id !== undefined)
        wait = setTimeout(() => {
          tell(!hasBegun(worker));
        }, BOOTS_FOR).unref();
    },
    failed: () => {
      tell(false);
    },
  });
  return () => {
    tell(false);
  };
}

/** Whether the event loop of the thread has ever turned. A worker loads its module in its event loop. */
function hasBegun(worker: Worker): boolean {
  const { idle, active } = worker.performance.eventLoopUtilization();
  return idle + active > 0;
}

/** Whether the inspector's port is open, which debuggers use. Not every build of Node has an inspector. */
export function mayBeInspected(): boolean {
  try {
    return process.getBuiltinModule('node:inspector').url() !== undefined;
  } catch {
    return false;
  }
}

// Threads that no debugger stops end within a few milliseconds.
const RELEASE_AFTER: Millis = 50;

// A thread in a native call does not answer, and may never end.
const RELEASE_WITHIN: Millis = 5_000;

/**
 * Lets a terminated thread go on that a debugger has stopped: it cannot end while it is stopped. Call it only where
 * that may be so: a session with a thread that is terminated while it loads its module can take the process with it.
 */
export function releaseTerminated(worker: Worker): void {
  let end: (() => void) | undefined;
  let timer = setTimeout(() => {
    end = release(worker.threadId);
    timer = setTimeout(end, RELEASE_WITHIN).unref();
  }, RELEASE_AFTER).unref();
  worker.once('exit', () => {
    clearTimeout(timer);
    end?.();
  });
}

function release(threadId: number): () => void {
  let answer: number | undefined;
  const end = visitThread(threadId, {
    attached: (send) => {
      send('Debugger.enable');
      send('Debugger.resume');
      answer = send('Debugger.disable');
    },
    told: ({ id }) => {
      if (id !== undefined && id === answer) end([]);
    },
    failed: () => {
      end([]);
    },
  });
  return () => {
    end([]);
  };
}
