import { type InspectorNotification, type NodeWorker, type Session } from 'node:inspector';
import { type Worker } from 'node:worker_threads';
import { type Millis } from '../core/types.ts';
import { type ThreadFindings } from './host.ts';

// Absent on Node 20; a thread in a native call does not answer.
interface Measured {
  cpuUsage?(): Promise<{ readonly user: number; readonly system: number }>;
}

/**
 * Finds out from outside, without its help, what a thread is doing. `found` is called once: when all is known, or with
 * what is known by then when the returned function is called.
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
 * Asks the thread for its stack as a debugger would, at its next JavaScript statement. A CPU profile would need Node
 * 24, and names the wrong function where the code was optimised before. The returned function lets the thread go on: a thread
 * that stands in the debugger cannot be terminated.
 */
function interrupt(threadId: number, paused: (stack: readonly string[]) => void): () => void {
  let debug: Debug | undefined;
  let over = false;
  const stop = (): void => {
    over = true;
    debug?.end();
    debug = undefined;
  };
  const open = (session: Session): void => {
    if (over) return;
    debug = new Debug(session, threadId, (stack) => {
      stop();
      paused(stack);
    });
  };
  // Not every build has an inspector, and a permission may forbid it.
  import('node:inspector')
    .then(({ Session }) => {
      open(new Session());
    })
    .catch(() => {
      paused([]);
    });
  return stop;
}

/** A debugger's session with one thread. */
class Debug {
  readonly #session: Session;
  readonly #paused: (stack: readonly string[]) => void;
  // A frame names its script by number only.
  readonly #scripts = new Map<string, string>();
  #sessionId: string | undefined;
  #lastId = 0;

  constructor(session: Session, threadId: number, paused: (stack: readonly string[]) => void) {
    this.#session = session;
    this.#paused = paused;
    session.connect();
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      // Its title is the only place that has the thread's id.
      if (params.workerInfo.title.startsWith(`[worker ${threadId}]`)) this.#attached(params.sessionId);
    });
    session.on('NodeWorker.receivedMessageFromWorker', (message) => {
      this.#received(message);
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  }

  end(): void {
    if (this.#sessionId !== undefined) {
      this.#send('Debugger.resume');
      this.#send('Debugger.disable');
    }
    this.#session.disconnect();
  }

  #attached(sessionId: string): void {
    this.#sessionId = sessionId;
    this.#send('Debugger.enable');
    this.#send('Debugger.pause');
  }

  #send(method: string): void {
    this.#lastId += 1;
    const message = JSON.stringify({ id: this.#lastId, method });
    this.#session.post('NodeWorker.sendMessageToWorker', { sessionId: this.#sessionId ?? '', message });
  }

  #received({ params }: InspectorNotification<NodeWorker.ReceivedMessageFromWorkerEventDataType>): void {
    if (params.sessionId !== this.#sessionId) return;
    // Its own inspector wrote it.
    const told = JSON.parse(params.message) as Told;
    if (told.method === 'Debugger.scriptParsed') this.#scripts.set(told.params.scriptId, told.params.url);
    if (told.method !== 'Debugger.paused') return;
    const frames = told.params.callFrames.slice(0, MAX_FRAMES);
    this.#paused(frames.map((frame) => describe(frame, this.#scripts)));
  }
}

// Deeper frames are the same for every connection.
const MAX_FRAMES = 16;

/** What is used of the debugger's messages. */
interface Told {
  readonly method?: string;
  readonly params: {
    readonly scriptId: string;
    readonly url: string;
    readonly callFrames: readonly {
      readonly functionName: string;
      readonly location: {
        readonly scriptId: string;
        readonly lineNumber: number;
        readonly columnNumber?: number;
      };
    }[];
  };
}

type Frame = Told['params']['callFrames'][number];

function describe({ functionName, location }: Frame, scripts: ReadonlyMap<string, string>): string {
  const { scriptId, lineNumber, columnNumber = 0 } = location;
  const place = `${scripts.get(scriptId) ?? ''}:${lineNumber + 1}:${columnNumber + 1}`;
  return `${functionName === '' ? '(anonymous)' : functionName} (${place})`;
}
