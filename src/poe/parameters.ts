/** The public types of PreforkTCP's parameters, callbacks and heaps. Used in both threads. */
import { type ServedSocket } from '../worker/session/served-socket.ts';
import { type Call } from './call.ts';
import { type FilterParameter } from './filter-parameter.ts';
import { type MasterHeap } from './master-heap.ts';
import { type Wheel } from './wheel.ts';
import { type PoolParameters } from './pool-options.ts';
import { type ListenTarget, type PreforkOptions } from '../main/prefork/option-types.ts';

/** The heap of one connection. Add to it what you like. */
export interface ConnectionHeap<In = string, Out = string> {
  /** Absent in `ClientPreConnect` and after `ClientDisconnected`. */
  client: Wheel<In, Out>;
  /** `'LOCAL'` for a Unix socket. */
  remote_ip: string | undefined;
  remote_port: number | undefined;
  /** 1 once the connection is shutting down; input is then ignored. */
  shutdown: number;
  /** At the start, `ClientShutdownOnError`; it counts when an error comes. */
  shutdown_on_error: number;
  /** 1 after an error that shut the connection down. */
  got_an_error?: number;
  /** Where to post `shutdown` (this worker), `pause`, `resume` and `shutdown_all`. */
  readonly master_alias: string;
  [field: string]: unknown;
}

/** The heap of a listener as `Acceptor` sees it in its worker: shared by all connections of that worker. */
export interface AcceptorHeap {
  readonly alias: string;
  readonly master_alias: string;
  [field: string]: unknown;
}

/** A handler of a custom event. A method, so that it may say what its arguments are. */
export type StateCallback<Heap> = { run(call: Call<readonly unknown[], Heap>): unknown }['run'];

/** Where to listen. */
export interface ListenParameters {
  readonly Address?: string | Uint8Array | undefined;
  readonly Hostname?: string | undefined;
  readonly Domain?: 'AF_INET' | 'AF_INET6' | 'AF_UNIX' | undefined;
  /** Also as digits. */
  readonly Port?: number | string | undefined;
}

/**
 * The parameters of POE::Component::Server::PreforkTCP, those of POE::Component::Server::TCP among them, by their own
 * names. Methods, so that callbacks of any record types are accepted.
 */
export interface PreforkTCPParameters<In = string, Out = string> extends PoolParameters, ListenParameters {
  readonly MasterAlias?: string | undefined;
  readonly Alias?: string | undefined;
  readonly ShutdownChildren?: number | boolean | undefined;

  /** ARG0 and on: `ListenerArgs`. */
  Started?(call: Call<readonly unknown[], MasterHeap>): unknown;
  Stopped?(call: Call<readonly [], MasterHeap>): unknown;
  /** ARG0 the system call, ARG1 errnum, ARG2 errstr. */
  Error?(
    call: Call<readonly [syscall: string, errnum: number, errstr: string, wheelId: number], MasterHeap>,
  ): unknown;
  readonly ListenerArgs?: readonly unknown[] | undefined;
  /** In a worker, instead of all `Client…`: ARG0 the socket, ARG1 address, ARG2 port, ARG3 its number. */
  Acceptor?(
    call: Call<
      readonly [socket: ServedSocket, ip: string | undefined, port: number | undefined, wheelId: number],
      AcceptorHeap
    >,
  ): unknown;

  /** ARG0 the record. */
  ClientInput?(call: Call<readonly [record: In, wheelId: number], ConnectionHeap<In, Out>>): unknown;
  /** ARG0 and on: `ClientArgs`. */
  ClientConnected?(call: Call<readonly unknown[], ConnectionHeap<In, Out>>): unknown;
  ClientDisconnected?(call: Call<readonly [], ConnectionHeap<In, Out>>): unknown;
  /** ARG0 `'read'`, `'write'` or `'handler'`, ARG1 errnum (0: the end of input), ARG2 errstr, ARG3 the wheel's number. */
  ClientError?(
    call: Call<
      readonly [operation: string, errnum: number, errstr: string, wheelId: number],
      ConnectionHeap<In, Out>
    >,
  ): unknown;
  ClientFlushed?(call: Call<readonly [wheelId: number], ConnectionHeap<In, Out>>): unknown;
  ClientHigh?(call: Call<readonly [wheelId: number], ConnectionHeap<In, Out>>): unknown;
  ClientLow?(call: Call<readonly [wheelId: number], ConnectionHeap<In, Out>>): unknown;
  /** ARG0 the socket: return it to accept, nothing to reject. */
  ClientPreConnect?(call: Call<readonly [socket: ServedSocket], ConnectionHeap<In, Out>>): unknown;
  readonly ClientFilter?: FilterParameter<In, Out> | undefined;
  readonly ClientInputFilter?: FilterParameter<In, never> | undefined;
  readonly ClientOutputFilter?: FilterParameter<unknown, Out> | undefined;
  readonly ClientShutdownOnError?: number | boolean | undefined;
  /** Bytes, with all of `ClientHigh`, `ClientLow`, `HighMark`, `LowMark` given. */
  readonly HighMark?: number | undefined;
  readonly LowMark?: number | undefined;
  readonly ClientArgs?: readonly unknown[] | undefined;
  /** The old name of `ClientArgs`. */
  readonly Args?: readonly unknown[] | undefined;

  readonly InlineStates?: Readonly<Record<string, StateCallback<ConnectionHeap<In, Out>>>> | undefined;
  readonly ObjectStates?: readonly unknown[] | undefined;
  readonly PackageStates?: readonly unknown[] | undefined;
  readonly SessionType?: 'POE::Session' | undefined;
  readonly SessionParams?: readonly [] | undefined;

  /** Events that may wait for one session, its delays among them (default 10 000). Not the ancestor's. */
  readonly MaxEvents?: number | undefined;
  /** Options that the ancestor has no parameter for, by their own names and in milliseconds: `threadHost` … */
  readonly Forkless?: Omit<PreforkOptions, MappedOption> | undefined;
}

export type AnyParameters = PreforkTCPParameters<unknown, unknown>;

/** The parameters that are callbacks of a connection. */
export type ClientCallback =
  | 'ClientInput'
  | 'ClientConnected'
  | 'ClientDisconnected'
  | 'ClientError'
  | 'ClientFlushed'
  | 'ClientHigh'
  | 'ClientLow'
  | 'ClientPreConnect';

/** The native options that have parameters here. */
export type MappedOption =
  | 'startWorkers'
  | 'minWorkers'
  | 'maxWorkers'
  | 'minSpareWorkers'
  | 'maxSpareWorkers'
  | 'masterHeartbeat'
  | 'workerHeartbeat'
  | 'maxSessionsPerWorker'
  | 'workerExpireTime'
  | 'graceTime'
  | 'maxSpareTime'
  | 'maxLifetime'
  | 'maxServed'
  | 'shutdownWorkers'
  | Exclude<keyof ListenTarget, 'backlog' | 'exclusive' | 'readableAll' | 'writableAll' | 'reusePort'>;
