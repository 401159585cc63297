/**
 * The plain types that all other parts share: times, ids, addresses, and why something has ended. Used in both threads.
 */

/** A duration or an instant on the monotonic clock, in milliseconds. */
export type Millis = number;

/** Counts up from 1 within one prefork; never used twice. */
export type WorkerId = number;

/** Counts up from 1 within one prefork; after 2^31 - 1 from 1 again, past those that are open. */
export type ConnectionId = number;

/** Where a connection comes from and where it arrived, as `net.Socket` names it; a Unix socket has no fields. */
export interface Addresses {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly remoteFamily?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly localFamily?: string | undefined;
}

/** Where a TCP server listens, as `net.Server.address()` tells it. */
export interface AddressInfo {
  readonly address: string;
  readonly family: string;
  readonly port: number;
}

/** Their names. */
export const ADDRESS_NAMES: readonly (keyof Addresses)[] = [
  'remoteAddress',
  'remotePort',
  'remoteFamily',
  'localAddress',
  'localPort',
  'localFamily',
];

/** What TLS has found out that ended before the connection was offered; the names are those of `tls.TLSSocket`. */
export interface Secured {
  readonly alpnProtocol: string | false | null;
  readonly servername: string | false;
  readonly authorized: boolean;
  readonly authorizationError?: string | undefined;
  /** The client's certificate and its issuers, DER in base64. */
  readonly certificates: readonly string[];
  /** The last of these is its own issuer. */
  readonly rooted: boolean;
  /** The certificate that the server has shown. */
  readonly shown?: string | undefined;
  /** By the method that gives them. */
  readonly answers: Readonly<Record<string, unknown>>;
  /** The same for bytes, in base64. */
  readonly bytes: Readonly<Record<string, string | undefined>>;
  /** Keying material for channel binding by its length, in base64. */
  readonly exported: Readonly<Record<string, string>>;
}

/** Why a worker was asked to leave, or was killed. */
export type LeaveReason =
  | 'aged' // older than `maxLifetime`
  | 'served' // was offered `maxServed` connections
  | 'silent' // sent no heartbeat for `workerExpireTime`
  | 'idle' // spare for `maxSpareTime`
  | 'surplus' // more spare than `maxSpareWorkers`, or more in all than `maxWorkers`
  | 'memory' // over `maxHeap` or `maxExternal`
  | 'utilization' // over `maxUtilization`
  | 'reload' // of an older generation
  | 'asked' // by itself (`worker.retire()`) or by the host (`prefork.retire(id)`)
  | 'closing' // the prefork closes
  | 'boot-timeout' // not ready within `bootTimeout`
  | 'garbage'; // sent something on its lane that no worker sends

/** How a thread ended. */
export type ExitReason =
  | 'left' // ended by itself after it was asked to
  | 'exited' // user code called `process.exit()`, or nothing was left to do
  | 'crashed' // uncaught exception or unhandled rejection
  | 'out-of-memory' // hit `resourceLimits`
  | 'terminated' // was killed
  | 'boot-failed'; // ended or failed before it was ready

/** Why a connection was never given to a handler. */
export type DropReason =
  | 'blocked' // its address is on `blockList`
  | 'max-connections' // `maxConnections` are open
  | 'max-per-address' // `maxConnectionsPerAddress` of its address are open
  | 'waiting-room-full' // `maxWaiting` are waiting
  | 'wait-timeout' // waited `waitTimeout` and no worker could take it
  | 'handshake-failed' // of TLS that ends in the main thread: no TLS, a reset, or it took too long
  | 'dispatch-failed' // the user's `dispatch` threw or named no eligible worker
  | 'gone' // the peer left while it was waiting, or within its handshake
  | 'closing'; // the prefork closes

/** Why a connection that a worker served has ended. */
export type CloseReason =
  | 'ended' // both directions ended in order, or the handler closed it
  | 'peer-error' // reset, timed out or failed on the network side
  | 'first-byte-timeout' // the peer sent nothing, and nothing moved for `firstByteTimeout`
  | 'idle-timeout' // nothing moved in either direction for `idleTimeout`
  | 'handler-error' // the handler destroyed it with an error, or threw
  | 'output-dropped' // the handler destroyed it while output waited that could not be sent any more
  | 'reset' // the handler reset it
  | 'linger-timeout' // the peer took nothing of the last output for `lingerTimeout`
  | 'worker-lost' // its worker crashed, was killed or became a zombie while it served it
  | 'no-worker' // it was at rest, sent something, and no worker could take it up for `waitTimeout`
  | 'closing'; // the prefork closed past its grace

/** Why a connection at rest was taken back from its worker. */
export type MoveReason =
  | 'left' // the worker was asked to leave
  | 'lost' // it was killed, ended or became a zombie
  | 'busy'; // it had not taken up what came for `stealAfter`, and another worker rested

/** An error as it crosses a thread boundary: structured clone would lose `code` and the stack of a subclass. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly stack?: string | undefined;
}
