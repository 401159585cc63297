import { type ConnectionId } from '../../../src/common/core/types.ts';
import { type Handlers, type WorkerContext } from '../../../src/worker/session/handlers.ts';
import { Session } from '../../../src/worker/session/session.ts';
import { duplexPair, type DuplexPair } from './duplex-pair.ts';

export const worker: WorkerContext = {
  id: 1,
  generation: 0,
  address: null,
  draining: false,
  signal: new AbortController().signal,
  retire: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  limitSessions: () => undefined,
  shutdown: () => undefined,
};

interface Report {
  readonly error: unknown;
  readonly connectionId: ConnectionId;
  readonly callback: string;
}

export interface Served extends DuplexPair {
  readonly session: Session;
  /** The callbacks in their order, as `Input[a]`. */
  readonly trace: string[];
  readonly reports: Report[];
  readonly done: Promise<void>;
  readonly isDone: () => boolean;
  /** What has come to the peer; it reads unless `peerReads` is false. */
  readonly received: () => string;
}

export interface ServeOptions {
  readonly maxOutput?: number;
  readonly peerReads?: boolean;
  readonly highWaterMark?: number;
  /** Runs before the session starts. */
  readonly before?: (pair: DuplexPair) => void;
}

/** Serves one in-memory connection and writes down which callbacks ran. */
export function serve<Heap = Record<string, unknown>, In = string, Out = string>(
  handlers: Handlers<Heap, In, Out>,
  options: ServeOptions = {},
): Served {
  const pair = duplexPair(options.highWaterMark);
  const trace: string[] = [];
  const reports: Report[] = [];
  const chunks: Buffer[] = [];
  if (options.peerReads ?? true) pair.peer.on('data', (chunk: Buffer) => chunks.push(chunk));
  options.before?.(pair);
  let isDone = false;
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const session = new Session({
    socket: pair.socket,
    handlers: traced(handlers, trace),
    worker,
    maxOutput: options.maxOutput ?? Infinity,
    report: (error, connectionId, callback) => reports.push({ error, connectionId, callback }),
    done: () => {
      if (isDone) trace.push('done twice');
      isDone = true;
      finish();
    },
  });
  session.start();
  const received = (): string => Buffer.concat(chunks).toString('latin1');
  return { ...pair, session, trace, reports, done, isDone: () => isDone, received };
}

function traced<Heap, In, Out>(handlers: Handlers<Heap, In, Out>, trace: string[]): Handlers<Heap, In, Out> {
  return {
    ...handlers,
    clientPreConnect: (context) => {
      trace.push('PreConnect');
      return handlers.clientPreConnect?.(context);
    },
    clientConnected: (context) => {
      trace.push('Connected');
      return handlers.clientConnected?.(context);
    },
    clientInput: (context, record) => {
      trace.push(`Input[${String(record)}]`);
      return handlers.clientInput?.(context, record);
    },
    ...(handlers.clientFlushed && {
      clientFlushed: (context) => {
        trace.push('Flushed');
        return handlers.clientFlushed?.(context);
      },
    }),
    ...(handlers.clientError && {
      clientError: (context, error) => {
        trace.push(`Error(${error.operation},${error.code ?? error.message})`);
        return handlers.clientError?.(context, error);
      },
    }),
    clientDisconnected: (context) => {
      trace.push('Disconnected');
      return handlers.clientDisconnected?.(context);
    },
  };
}

/** Lets everything happen that happens by itself. */
export async function settle(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise to be settled by the test. */
export function gate(): { promise: Promise<void>; open: () => void; fail: (error: Error) => void } {
  let open = (): void => undefined;
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}
