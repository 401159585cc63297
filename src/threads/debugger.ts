import { type Worker } from 'node:worker_threads';
import { type Millis } from '../core/types.ts';
import { visitThread, type Told } from './thread-inspector.ts';

// A thread that was started to wait for a debugger has not loaded anything yet.
const WAITS = {
  expression: 'performance.nodeTiming.bootstrapComplete < 0',
  returnByValue: true,
  silent: true,
};

/**
 * Finds out whether a debugger holds the thread, at a breakpoint or before its first line, and lets it stand there:
 * to a further session, a thread that stands says so before it answers the session's first command. `found` is called
 * once, at the latest by the returned function. A thread in a native call does not answer.
 */
export function lookForDebugger(worker: Worker, found: (debugged: boolean) => void): () => void {
  let over = false;
  let waits: number | undefined;
  const tell = (debugged: boolean): void => {
    if (over) return;
    over = true;
    end(['Debugger.disable']);
    found(debugged);
  };
  const end = visitThread(worker.threadId, {
    attached: (send) => {
      send('Debugger.enable');
      waits = send('Runtime.evaluate', WAITS);
    },
    told: (message) => {
      if (message.method === 'Debugger.paused') tell(true);
      else if (message.id !== undefined && message.id === waits) tell(isTrue(message));
    },
    failed: () => {
      tell(false);
    },
  });
  return () => {
    tell(false);
  };
}

const isTrue = ({ result }: Told): boolean => result?.result?.value === true;

// Threads that nothing holds end within a few milliseconds.
const RELEASE_AFTER: Millis = 50;

/** Lets a terminated thread go that a debugger holds: it cannot end while it stands there. */
export function releaseTerminated(worker: Worker): void {
  let end: (() => void) | undefined;
  const timer = setTimeout(() => {
    end = release(worker.threadId);
  }, RELEASE_AFTER);
  timer.unref();
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
