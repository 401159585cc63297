// A look into a running thread from outside: its CPU time and its stack.
import { type Worker } from 'node:worker_threads';
import { type Millis } from '../../common/core/types.ts';
import { type ThreadFindings } from './host.ts';
import { type Told, visitThread } from './thread-inspector.ts';

// Node 20 does not have this method. A thread in a native call does not answer it.
interface Measured {
  cpuUsage?(): Promise<{ readonly user: number; readonly system: number }>;
}

/**
 * Finds out what a thread is doing, without its help. `found` is called once: when all is known, or when the returned
 * function is called, with what is known by then.
 */
export function examine(worker: Worker, found: (findings: ThreadFindings) => void): () => void {
  let cpuTime: Millis | undefined;
  let stack: readonly string[] = [];
  let missing = 2;
  const end = (): void => {
    if (missing < 0) return;
    missing = -1;
    stopInterrupt();
    found({ cpuTime, stack });
  };
  const known = (): void => {
    missing -= 1;
    if (missing === 0) end();
  };
  const stopInterrupt = interrupt(worker.threadId, (frames) => {
    stack = frames;
    known();
  });
  void cpuTimeOf(worker).then((time) => {
    cpuTime = time;
    known();
  });
  return end;
}

async function cpuTimeOf(worker: Worker & Measured): Promise<Millis | undefined> {
  try {
    const usage = await worker.cpuUsage?.();
    return usage && (usage.user + usage.system) / 1_000;
  } catch {
    // The thread has ended meanwhile.
    return undefined;
  }
}

/**
 * Asks the thread for its stack as a debugger would, at its next JavaScript statement. (A CPU profile would need Node
 * 24, and names the wrong function where the code was optimised before.) The returned function lets the thread go on,
 * unless another debugger has stopped it. That must happen before a kill: a thread that is stopped cannot be
 * terminated.
 */
function interrupt(threadId: number, paused: (stack: readonly string[]) => void): () => void {
  // A frame of the stack names its script by number only.
  const scripts = new Map<string, string>();
  let enabled: number | undefined;
  let ours = false;
  let ended = false;
  const stop = (): void => {
    if (!ended) end(ours ? ['Debugger.resume', 'Debugger.disable'] : ['Debugger.disable']);
    ended = true;
  };
  const end = visitThread(threadId, {
    attached: (send) => {
      enabled = send('Debugger.enable');
    },
    told: ({ id, method, params }, send) => {
      if (id !== undefined && id === enabled) {
        ours = true;
        send('Debugger.pause');
      }
      if (method === 'Debugger.scriptParsed') scripts.set(params.scriptId, params.url);
      // Where this comes before the answer, another debugger has stopped the thread, and it is to stay so.
      if (method !== 'Debugger.paused') return;
      stop();
      paused(params.callFrames.slice(0, MAX_FRAMES).map((frame) => describe(frame, scripts)));
    },
    failed: () => {
      stop();
      paused([]);
    },
  });
  return stop;
}

// Deeper frames are the same for every connection.
const MAX_FRAMES = 16;

type Frame = Told['params']['callFrames'][number];

function describe({ functionName, location }: Frame, scripts: ReadonlyMap<string, string>): string {
  const { scriptId, lineNumber, columnNumber = 0 } = location;
  const place = `${scripts.get(scriptId) ?? ''}:${lineNumber + 1}:${columnNumber + 1}`;
  return `${functionName === '' ? '(anonymous)' : functionName} (${place})`;
}
