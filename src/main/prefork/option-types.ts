// The public types of a prefork's options. Each option has a row in `option-table.ts`, or in `policy/config.ts`.
import { type BlockList, type ListenOptions } from 'node:net';
import { type ResourceLimits } from 'node:worker_threads';
import { type Millis } from '../../common/core/types.ts';
import { type PolicyOptions } from '../policy/config.ts';
import { type Dispatch } from '../policy/state.ts';
import { type HostName } from '../threads/host.ts';
import { type StuckReport } from './stuck.ts';
import { type TlsOptions } from '../../common/tls/options.ts';

/** Options that `configure()` can change while the prefork runs. */
export interface RunningOptions extends PolicyOptions {
  /**
   * Which worker gets a connection: `'least-open'` (default: fewest open connections, then the `minWorkers` oldest,
   * then least recent offer), `'round-robin'`, `'least-busy'` (event-loop utilisation), `'sticky-address'`, or a
   * function. With each of them, workers of the newest generation come first while a reload goes on.
   */
  readonly dispatch?: Dispatch | undefined;
  /** Connections of all listeners together, at most; further ones are refused. Exact. Default `Infinity`. */
  readonly maxConnections?: number | undefined;
  /** The same from one address, at most; of IPv6, from one /64 network. Exact. Default `Infinity`. */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Connections from these addresses are refused. Default none. */
  readonly blockList?: BlockList | undefined;
  /** Connections that wait for a worker, at most; further ones are refused. Default 511. */
  readonly maxWaiting?: number | undefined;
  /** A connection that no worker could take for so long is refused. Default 30 000 ms. */
  readonly waitTimeout?: Millis | undefined;
  /** A connection that its worker has not claimed for so long is given to another. Default 1 000 ms. */
  readonly claimTimeout?: Millis | undefined;
  /**
   * A connection that its worker has not taken up for so long, and twice that at most, goes to a worker that rests, if
   * there is one. Not with `dispatch: 'sticky-address'` or a function. `Infinity` for never. Default 5 ms.
   */
  readonly stealAfter?: Millis | undefined;
  /**
   * A connection on which nothing has moved in either direction for so long is closed, with a quarter more time at
   * most. Its handlers see `ETIMEDOUT`. Output has moved once it is on its way to the peer. `Infinity` means never.
   * Default 3 600 000 ms.
   */
  readonly idleTimeout?: Millis | undefined;
  /** The same, for a peer that has not sent anything yet. Default 120 000 ms. */
  readonly firstByteTimeout?: Millis | undefined;
  /**
   * Ends TLS on every connection, in the workers or in the main thread. A change by `configure()` applies to new
   * handshakes in the main thread at once. In workers it applies to those that are born afterwards, so call `reload()`.
   */
  readonly tls?: TlsOptions | undefined;
}

/** Where to listen: what `net.Server.listen()` takes. */
export type ListenTarget = Pick<
  ListenOptions,
  'host' | 'path' | 'backlog' | 'ipv6Only' | 'exclusive' | 'readableAll' | 'writableAll'
> & {
  /** The port; digits will do, as in `process.env.PORT`. 0 takes any free port. */
  readonly port?: number | string | undefined;
  /** A socket that listens already, by its file descriptor. */
  readonly fd?: number | undefined;
  /** Lets several processes listen on one port, where the system can; from Node 22.12 on. */
  readonly reusePort?: boolean | undefined;
};

export type TransportName = 'relay' | 'transfer' | 'auto';

/** All options of a prefork; README.md has them in tables. A bad option throws a `ForklessError` that names it. */
export interface PreforkOptions extends RunningOptions, ListenTarget {
  /** Credit of a connection in each direction, bytes: its share of memory at most. Default 262 144. */
  readonly window?: number | undefined;
  /** Output that may wait in a worker for a client that does not read; past it the client is closed. Default 64 MiB. */
  readonly maxOutput?: number | undefined;
  /** How long a peer may take for the rest of its output after its worker has closed. Default 30 000 ms. */
  readonly lingerTimeout?: Millis | undefined;
  /**
   * How long a worker that leaves in order may go on with what it has under way (files being written, connections of
   * its own) when its clients have ended and `workerStopping` has settled. Default 1 000 ms.
   */
  readonly leaveTimeout?: Millis | undefined;
  /** The thread host that workers run on. Default `'piscina'`; `'worker'` (Node's own) for bundles and single executables. */
  readonly threadHost?: HostName | undefined;
  /**
   * How a connection reaches its worker: `'relay'` (default: its bytes pass through the main thread), `'transfer'` (its
   * socket moves to the worker, where it can: TCP that is not decrypted in the main thread; the rest is relayed), or
   * `'auto'`: transfer where this Node can, relay otherwise. `'transfer'` is refused on a Node that cannot: it takes
   * 24.21, 26.6 or later.
   */
  readonly transport?: TransportName | undefined;
  /**
   * What to do when more threads than `maxZombies` cannot be terminated: each further one costs a place of the pool.
   * Called with each. Default: a process warning, and the pool serves on with the places that are left.
   */
  readonly onStuck?: ((report: StuckReport) => void) | undefined;
  /** Kill the workers at `close()` instead of letting them finish. Default false. */
  readonly shutdownWorkers?: boolean | undefined;
  /** Limits of each thread in megabytes, as for Node's `Worker`. They are no wall: see `maxHeap`. Default Node's. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** `process.env` of the workers. Default a copy of the main thread's. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Appended to `process.argv` of the workers. Default none. */
  readonly argv?: readonly string[] | undefined;
  /** Node's options for the workers. Default those of the process. */
  readonly execArgv?: readonly string[] | undefined;
  /**
   * Messages from `parentPort.postMessage()` of one worker that may wait for the main thread; a further one throws
   * `FORKLESS_MESSAGES_OVERFLOW` in the worker. Default 4 096.
   */
  readonly maxWorkerMessages?: number | undefined;
  /** Sends small pieces at once, as for `net.createServer()`. Default true, unlike there. */
  readonly noDelay?: boolean | undefined;
  /** TCP probes on silent connections, so that a peer that vanished is noticed. Default Node's: false. */
  readonly keepAlive?: boolean | undefined;
  /** How long a connection is silent before the first probe. Default the system's. */
  readonly keepAliveInitialDelay?: Millis | undefined;
  /** For `connection(socket)` handlers: keep the writable side open when the peer ends. Default false. */
  readonly allowHalfOpen?: boolean | undefined;
  /** High-water mark of the streams on both sides, bytes. Default Node's. */
  readonly highWaterMark?: number | undefined;
  /** Aborting this signal closes the prefork. A call of `listen()` that has not ended rejects then. */
  readonly signal?: AbortSignal | undefined;
  /**
   * At SIGINT and SIGTERM the prefork closes gracefully, and the process ends with code 0 once all preforks that have
   * this option have closed. A second signal ends it at once. Default false.
   */
  readonly signals?: boolean | undefined;
}
