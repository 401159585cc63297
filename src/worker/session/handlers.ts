/** The public types of the handlers and of their arguments. Used in both threads. */
import { type AddressInfo, type WorkerId } from '../../common/core/types.ts';
import { type Filter } from '../../common/filters/filter.ts';
import { type Client } from './client.ts';
import { type ClientInfo } from './client-info.ts';
import { type ServedSocket } from './served-socket.ts';

/** The worker, as its handlers see it. */
export interface WorkerContext {
  /** Counts up from 1 within one prefork; never used twice. */
  readonly id: WorkerId;
  /** How many reloads there were before this worker was born. */
  readonly generation: number;
  /** Where the prefork listened first when this worker was born, as `net.Server.address()`; else `null`. */
  readonly address: AddressInfo | string | null;
  /** Asked to leave: gets no new connection and finishes the open ones. */
  readonly draining: boolean;
  /** Aborted when this worker is asked to leave. */
  readonly signal: AbortSignal;
  /** Leaves gracefully: no new connection from now on, the open ones are finished. */
  retire(): void;
  /** Takes no new connection until `resume()`. */
  pause(): void;
  resume(): void;
  /**
   * Takes at most so many connections at a time; further ones go to other workers, or wait. `Infinity`: as many as
   * `maxSessionsPerWorker` allows. Exact where it is called in `workerStarted`. Throws `FORKLESS_BAD_OPTION`.
   */
  limitSessions(most: number): void;
  /** Closes the whole prefork gracefully. */
  shutdown(): void;
}

/** The object that the handlers of one connection share; the same one for each call. */
export interface ClientContext<Heap = Record<string, unknown>, In = string, Out = string> {
  readonly client: Client<In, Out>;
  readonly worker: WorkerContext;
  readonly heap: Heap;
}

/** The argument of `clientPreConnect`: nothing can be sent yet. */
export interface PreConnectContext<Heap = Record<string, unknown>> {
  readonly client: ClientInfo;
  readonly worker: WorkerContext;
  readonly heap: Heap;
}

/** Why something went wrong with a connection. */
export interface ClientError {
  /** `'read'` and `'write'`: the network, a filter or a limit. `'handler'`: a handler threw or destroyed the client. */
  readonly operation: 'read' | 'write' | 'handler';
  /** `'EOF'` at the end of input, else the error's own code: `'ECONNRESET'`, `'FORKLESS_LINE_TOO_LONG'` … */
  readonly code: string | undefined;
  /** The error's own number, negative as in Node; 0 at the end of input. */
  readonly errno: number | undefined;
  readonly message: string;
  /** The value that was thrown; nothing at the end of input. */
  readonly error: unknown;
}

/**
 * What a worker does with its connections: either `clientInput`, with any of the other `client…`, or `connection`.
 *
 * For each connection the order is PreConnect, Connected, Input …, Error, Disconnected: exactly one Disconnected
 * for each Connected and nothing after it. A handler may return a promise: the next record of that connection is
 * delivered when it settles. Flushed and Disconnected do not wait for it. What else it returns has no meaning.
 * A throw or rejection destroys the connection and reaches `clientError`, or the prefork's `handlerError` event.
 */
export interface Handlers<Heap = Record<string, unknown>, In = string, Out = string> {
  /** Makes the heap of one connection, before anything else (default: `{}`). */
  heap?(): Heap;
  /** `false`, or a promise of it, rejects: the connection is closed and no other handler sees it. */
  clientPreConnect?(context: PreConnectContext<Heap>): unknown;
  clientConnected?(context: ClientContext<Heap, In, Out>): unknown;
  clientInput?(context: ClientContext<Heap, In, Out>, record: In): unknown;
  /** The output buffer became empty. */
  clientFlushed?(context: ClientContext<Heap, In, Out>): unknown;
  /** `highMark` bytes of output wait: time to stop putting. */
  clientHigh?(context: ClientContext<Heap, In, Out>): unknown;
  /** No more than `lowMark` bytes wait any longer. Called once after each `clientHigh`, while the client lives. */
  clientLow?(context: ClientContext<Heap, In, Out>): unknown;
  /** Also called at the end of input, with code `'EOF'`; see `clientShutdownOnError`. */
  clientError?(context: ClientContext<Heap, In, Out>, error: ClientError): unknown;
  clientDisconnected?(context: ClientContext<Heap, In, Out>): unknown;
  /** Cloned for each connection (default: `new LineFilter()`). */
  clientFilter?: Filter<In, Out>;
  /** Together with `clientOutputFilter`, instead of `clientFilter`. */
  clientInputFilter?: Filter<In, never>;
  clientOutputFilter?: Filter<unknown, Out>;
  /**
   * Whether the end of input and input that breaks the filter's format shut the client down, after `clientError`
   * (default `true`). With `false` output still reaches the peer, until `client.shutdown()`.
   */
  clientShutdownOnError?: boolean;
  /**
   * Bytes of waiting output at which `clientHigh` is called, at least 2. Needed together with `clientHigh`,
   * `clientLow` and `lowMark`. Above the option `maxOutput` it has little effect: there a further put destroys.
   */
  highMark?: number;
  /** Bytes of waiting output, down to which `clientLow` is called: 1 to `highMark - 1`. */
  lowMark?: number;
  /** The worker is counted as ready when this has settled; a throw or rejection makes its birth fail. */
  workerStarted?(worker: WorkerContext): unknown;
  /** All connections have ended; the worker leaves when this has settled. */
  workerStopping?(worker: WorkerContext): unknown;
  /** Gets the raw socket, as a `net.createServer` listener does. */
  connection?(socket: ServedSocket, worker: WorkerContext): unknown;
}

/** Handlers of whatever types. Methods are bivariant: any `Handlers` can be given where these are wanted. */
export type AnyHandlers = Handlers<unknown, unknown, unknown>;

export { checkHandlers } from './check-handlers.ts';
