// Debuggers: whether one holds a thread, and how a terminated thread gets free of it.
import { type Worker } from 'node:worker_threads';
import { type Millis } from '../../common/core/types.ts';
import { visitThread } from './thread-inspector.ts';

// Twice as long as a thread takes that boots beside others on a busy machine.
const BOOTS_FOR: Millis = 200;

/**
 * Finds out whether a debugger holds the thread, at a breakpoint or before its first line, and lets it stand there.
 * `found` is called once, at the latest by the returned function. A thread in a native call does not answer.
 *
 * To a further session, a thread that stands says so before it answers the session's first command. Nothing else is asked
 * of it: a thread that evaluates something in the midst of a loop can never be terminated afterwards.
 */
export function lookForDebugger(worker: Worker, found: (debugged: boolean) => void): () => void {
  let over = false;
  let wait: NodeJS.Timeout | undefined;
  const tell = (debugged: boolean): void => {
    if (over) return;
    over = true;
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
      // It answers, but its loop has never turned: it boots just now, hangs in what it loads first, or waits for a
      // debugger to let it. The latter takes one that has reached this process, and Node tells of no other sign.
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

/** Whether its event loop has ever turned; a worker loads its module in that. */
function hasBegun(worker: Worker): boolean {
  const { idle, active } = worker.performance.eventLoopUtilization();
  return idle + active > 0;
}

/** Whether the inspector's port is open, by which debuggers come. Not every build of Node has one. */
export function mayBeInspected(): boolean {
  try {
    return process.getBuiltinModule('node:inspector').url() !== undefined;
  } catch {
    return false;
  }
}

// Threads that nothing holds end within a few milliseconds.
const RELEASE_AFTER: Millis = 50;

// One in a native call does not answer, and may never end.
const RELEASE_WITHIN: Millis = 5_000;

/**
 * Lets a terminated thread go that a debugger holds: it cannot end while it stands there. Only for threads that may be held
 * so: a session with one that is terminated in the midst of loading its module can take the process with it.
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
