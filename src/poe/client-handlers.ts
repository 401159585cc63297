/** The `Client…` parameters of PreforkTCP as handlers of this package. Made in either thread, they run in a worker. */
import { errors } from '../common/core/errors.ts';
import { isPromise, show } from '../common/core/thrown.ts';
import { type ClientError, type Handlers } from '../worker/session/handlers.ts';
import { warn } from '../worker/runtime/warnings.ts';
import { type ServedSocket } from '../worker/session/served-socket.ts';
import { ConnectionSession } from './connection-session.ts';
import { filterOf } from './filter-parameter.ts';
import { type AnyParameters } from './parameters.ts';
import { settled } from './settled.ts';
import { type WorkerSetup } from './worker-setup.ts';
import { systemError } from './system-error.ts';

/** Our own heap of a connection: the ancestor's session, from PreConnect on. */
export interface OwnHeap {
  session?: ConnectionSession;
}

type PoeHandlers = Handlers<OwnHeap, unknown, unknown>;

/** The `Client…` parameters as our handlers. */
export function clientHandlers(setup: WorkerSetup): PoeHandlers {
  const { parameters } = setup;
  const args = parameters.ClientArgs ?? parameters.Args ?? [];
  return {
    heap: () => ({}),
    clientPreConnect: ({ client, worker, heap }) => {
      heap.session = new ConnectionSession(setup, client, worker.id);
      return preConnect(heap.session, parameters, client.socket);
    },
    clientConnected: ({ client, heap: { session } }) => {
      session?.connected(client);
      return session?.run('ClientConnected', args);
    },
    clientInput: ({ heap: { session } }, record) => {
      if (session === undefined || session.heap.shutdown) return undefined;
      return session.tell('InputEvent', 'ClientInput', [record, session.ID]);
    },
    clientFlushed: ({ heap: { session } }) => session && flushed(session),
    ...marks(parameters),
    clientError: ({ heap: { session } }, error) => session && failed(session, error),
    clientDisconnected: ({ heap: { session } }) => session && disconnected(session),
    ...filters(parameters),
    // Decided with each error, by the heap's shutdown_on_error.
    clientShutdownOnError: false,
  };
}

function preConnect(session: ConnectionSession, parameters: AnyParameters, socket: ServedSocket): unknown {
  if (parameters.ClientPreConnect === undefined) return true;
  const verdict = session.run('ClientPreConnect', [socket]);
  const accepts = (answer: unknown): boolean => {
    if (answer === socket) return true;
    if (answer === undefined || answer === null || answer === false) return false;
    throw errors.badParameter(
      `cannot serve ${show(answer)} from ClientPreConnect: return the socket that it was given, or nothing. TLS ends in the main thread: prefork.accept(tlsSocket)`,
    );
  };
  return isPromise(verdict) ? settled(verdict).then(accepts) : accepts(verdict);
}

function marks(parameters: AnyParameters): Partial<PoeHandlers> {
  const { HighMark, LowMark } = parameters;
  if (HighMark === undefined || LowMark === undefined) return {};
  return {
    highMark: HighMark,
    lowMark: LowMark,
    clientHigh: ({ heap: { session } }) => session?.tell('HighEvent', 'ClientHigh', [session.ID]),
    clientLow: ({ heap: { session } }) => session?.tell('LowEvent', 'ClientLow', [session.ID]),
  };
}

function filters(parameters: AnyParameters): Partial<PoeHandlers> {
  const { ClientFilter = 'Line', ClientInputFilter, ClientOutputFilter } = parameters;
  if (ClientInputFilter !== undefined && ClientOutputFilter !== undefined) {
    return {
      clientInputFilter: filterOf('ClientInputFilter', ClientInputFilter),
      clientOutputFilter: filterOf('ClientOutputFilter', ClientOutputFilter),
    };
  }
  return { clientFilter: filterOf('ClientFilter', ClientFilter) };
}

// The wheel may send this to any event at any time, and the heap's `shutdown` may have been set by hand.
function flushed(session: ConnectionSession): unknown {
  const result = session.tell('FlushedEvent', 'ClientFlushed', [session.ID]);
  return afterwards(result, () => {
    if (session.heap.shutdown) session.shutdown();
  });
}

function failed(session: ConnectionSession, error: ClientError): unknown {
  const { operation, code, message } = error;
  const { errnum, errstr } = systemError(code, message);
  const isHeard = session.hears('ErrorEvent', 'ClientError');
  // The error of a handler has ended the connection already; it is passed on to the prefork's `handlerError`.
  if (!isHeard && operation === 'handler') {
    noteError(session);
    throw error.error;
  }
  if (!isHeard && !session.isRedirected('ErrorEvent')) warnOf(session, error);
  const result = session.tell('ErrorEvent', 'ClientError', [operation, errnum, errstr, session.ID]);
  const after = (): void => {
    if (!noteError(session)) return;
    const shutdown = (): void => {
      session.shutdown();
    };
    // Events that were posted before the end of input still come first; input that breaks its format stops at once.
    if (code === 'EOF') session.queue.post(shutdown);
    else shutdown();
  };
  return afterwards(result, after);
}

/** Whether the error shuts the connection down. */
function noteError({ heap }: ConnectionSession): boolean {
  if (!heap.shutdown_on_error) return false;
  heap.got_an_error = 1;
  return true;
}

// The ancestor's default: silent about the end of input and a reset, else a warning.
function warnOf({ ID }: ConnectionSession, { operation, code, message }: ClientError): void {
  if (operation === 'read' && (code === 'EOF' || code === 'ECONNRESET')) return;
  const { errnum, errstr } = systemError(code, message);
  warn(`Client session ${ID} got ${operation} error ${errnum} (${errstr})`, 'PreforkTCPWarning');
}

function disconnected(session: ConnectionSession): unknown {
  session.heap.shutdown = 1;
  const result = session.run('ClientDisconnected', []);
  const after = (): void => {
    Reflect.deleteProperty(session.heap, 'client');
  };
  return afterwards(result, after);
}

function afterwards(result: unknown, after: () => void): unknown {
  if (isPromise(result)) return settled(result).then(after);
  after();
  return undefined;
}
