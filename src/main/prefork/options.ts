import { type BlockList, type ListenOptions, type ServerOpts } from 'node:net';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { isAbsolute } from 'node:path';
import { type ResourceLimits } from 'node:worker_threads';
import {
  checkObject,
  integer,
  limit,
  millis,
  millisOrNever,
  oneOf,
  onlyKnown,
  port,
} from '../../common/core/check.ts';
import { errors } from '../../common/core/errors.ts';
import { type Millis } from '../../common/core/types.ts';
import { type DispatcherConfig } from '../listener/dispatcher.ts';
import {
  POLICY_OPTIONS,
  POPULATION,
  resolvePolicy,
  type PolicyConfig,
  type PolicyOptions,
} from '../policy/config.ts';
import { type Dispatch } from '../policy/state.ts';
import { type HostName } from '../threads/host.ts';
import { HOST_NAMES } from '../threads/hosts.ts';
import { type IdleLimits } from '../listener/idle-watch.ts';
import { canTransfer } from '../relay/send-socket.ts';
import { checkListen, checkPassed, LISTEN_OPTIONS } from './passed-options.ts';
import { checkOnStuck, type StuckReport } from './stuck.ts';
import { HANDLER_NAMES } from '../../worker/session/check-handlers.ts';
import { resolveTls, type PlainTls, type TlsOptions } from '../../common/tls/options.ts';

/** Options that `configure()` can change while the prefork runs. */
export interface RunningOptions extends PolicyOptions {
  /**
   * Which worker gets a connection: `'least-open'` (default: fewest open connections, then the `minWorkers` oldest, then
   * least recent hand-over), `'round-robin'`, `'least-busy'` (event-loop utilisation), `'sticky-address'`, or a function.
   * With each of them, workers of the newest generation come first while a reload goes on.
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
   * A connection on which nothing has moved in either direction for so long is closed, with a quarter more time at most;
   * its handlers see `ETIMEDOUT`. Output moves when it has left for the peer. `Infinity` for never. Default 3 600 000 ms.
   */
  readonly idleTimeout?: Millis | undefined;
  /** The same, for a peer that has not sent anything yet. Default 120 000 ms. */
  readonly firstByteTimeout?: Millis | undefined;
  /**
   * Ends TLS on every connection, in the workers or in the main thread. Changed by `configure()`, it holds for new
   * handshakes in the main thread at once, in workers for those born afterwards: `reload()` next.
   */
  readonly tls?: TlsOptions | undefined;
}

/** Where to listen: what `net.Server.listen()` takes. */
export type ListenTarget = Pick<
  ListenOptions,
  'host' | 'path' | 'backlog' | 'ipv6Only' | 'exclusive' | 'readableAll' | 'writableAll'
> & {
  /** Also as digits, which `process.env.PORT` has. 0 takes any free port. */
  readonly port?: number | string | undefined;
  /** A socket that listens already, by its file descriptor. */
  readonly fd?: number | undefined;
  /** Lets several processes listen on one port, where the system can; from Node 22.12 on. */
  readonly reusePort?: boolean | undefined;
};

/** The same, checked. */
export type CheckedTarget = Omit<ListenTarget, 'port'> & { readonly port?: number };

export type TransportName = 'relay' | 'transfer' | 'auto';

/** All options of a prefork; README.md has them in tables. Bad ones throw a `ForklessError` that names the first. */
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
  /** What the workers run on. Default `'piscina'`; `'worker'` (Node's own) for bundles and single executables. */
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
   * Called with each. Default: a process warning, and it serves on with what is left.
   */
  readonly onStuck?: ((report: StuckReport) => void) | undefined;
  /** Kill the workers at `close()` instead of letting them finish. Default false. */
  readonly shutdownWorkers?: boolean | undefined;
  /** Of each thread, megabytes, as for Node's `Worker`. No wall: see `maxHeap`. Default Node's. */
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
  /** Of the streams on both sides, bytes. Default Node's. */
  readonly highWaterMark?: number | undefined;
  /** Aborting it closes the prefork; before `listen()` has ended it rejects that. */
  readonly signal?: AbortSignal | undefined;
  /**
   * At SIGINT and SIGTERM the prefork closes gracefully, and the process ends with code 0 once all preforks that have
   * this option have closed. A second signal ends it at once. Default false.
   */
  readonly signals?: boolean | undefined;
}

export interface PreforkSettings {
  readonly url: string;
  readonly policy: PolicyConfig;
  readonly dispatcher: DispatcherConfig;
  readonly idle: IdleLimits;
  readonly given: PreforkOptions;
  readonly threadHost: HostName;
  readonly window: number;
  readonly maxOutput: number;
  readonly lingerTimeout: Millis;
  readonly leaveTimeout: Millis;
  readonly maxWorkerMessages: number;
  /** Sockets are sent to the workers, where they can be. */
  readonly transfer: boolean;
  readonly socket: ServerOpts;
  readonly listen: CheckedTarget;
  readonly tls: PlainTls | undefined;
}

const SOCKET = ['noDelay', 'keepAlive', 'keepAliveInitialDelay', 'highWaterMark'] as const;
const DISPATCH = [
  'dispatch',
  'maxConnections',
  'maxConnectionsPerAddress',
  'blockList',
  'maxWaiting',
  'waitTimeout',
  'claimTimeout',
] as const;
const IDLE = ['idleTimeout', 'firstByteTimeout'] as const;
const FIXED = [
  'window',
  'maxOutput',
  'lingerTimeout',
  'leaveTimeout',
  'maxWorkerMessages',
  'threadHost',
  'transport',
  'shutdownWorkers',
  'onStuck',
  'resourceLimits',
  'env',
  'argv',
  'execArgv',
  'allowHalfOpen',
  'signal',
  'signals',
] as const;

const RUNNING_OPTIONS: readonly string[] = [...POLICY_OPTIONS, ...DISPATCH, ...IDLE, 'tls'];
/** All keys of `PreforkOptions`. */
export const PREFORK_OPTIONS: readonly string[] = [
  ...RUNNING_OPTIONS,
  ...FIXED,
  ...LISTEN_OPTIONS,
  ...SOCKET,
];

const DISPATCHES = ['least-open', 'round-robin', 'least-busy', 'sticky-address'] as const;

function pick<K extends string, T extends Partial<Record<K, unknown>>>(
  from: T,
  keys: readonly K[],
): Pick<T, K> {
  const present = keys.filter((key) => from[key] !== undefined);
  // The keys are exactly those asked for and present.
  return Object.fromEntries(present.map((key) => [key, from[key]])) as Pick<T, K>;
}

function resolveDispatcher(options: RunningOptions, policy: PolicyConfig): DispatcherConfig {
  // Not `??`: a `null` is a mistake to be told, not a wish for the default.
  const { dispatch = 'least-open', maxConnections = Infinity, maxConnectionsPerAddress = Infinity } = options;
  const { maxWaiting = 511, waitTimeout = 30_000, claimTimeout = 1_000 } = options;
  return {
    minWorkers: policy.minWorkers,
    maxSessionsPerWorker: policy.maxSessionsPerWorker,
    maxServed: policy.maxServed,
    servedJitter: policy.servedJitter,
    dispatch: typeof dispatch === 'function' ? dispatch : oneOf('dispatch', dispatch, DISPATCHES),
    maxConnections: limit('maxConnections', maxConnections, 1),
    maxConnectionsPerAddress: limit('maxConnectionsPerAddress', maxConnectionsPerAddress, 1),
    blockList: options.blockList,
    maxWaiting: limit('maxWaiting', maxWaiting, 0),
    waitTimeout: millis('waitTimeout', waitTimeout),
    claimTimeout: millis('claimTimeout', claimTimeout),
  };
}

function resolveIdle({ idleTimeout = 3_600_000, firstByteTimeout = 120_000 }: RunningOptions): IdleLimits {
  return {
    idleTimeout: millisOrNever('idleTimeout', idleTimeout),
    firstByteTimeout: millisOrNever('firstByteTimeout', firstByteTimeout),
  };
}

/** The worker module as a URL: a file URL, a `data:` URL or an absolute path. */
export function moduleUrl(given: unknown): string {
  const text = given instanceof URL ? given.href : given;
  if (typeof text !== 'string') throw errors.badOption('worker', 'a URL or an absolute path', given);
  if (isAbsolute(text)) return pathToFileURL(text).href;
  if (URL.canParse(text) && /^(?:file|data):/.test(text)) return text;
  throw errors.badOption('worker', 'a file: URL, a data: URL or an absolute path', given);
}

/** Checks all options; throws a `ForklessError` that names the first bad one. */
export function resolveOptions(worker: unknown, options: PreforkOptions): PreforkSettings {
  checkObject('options', options);
  const handler = Object.keys(options).find((key) => HANDLER_NAMES.includes(key));
  if (handler !== undefined) throw errors.strayHandler(handler);
  onlyKnown(options, PREFORK_OPTIONS);
  checkPassed(options);
  const policy = resolvePolicy(options, availableParallelism());
  checkOnStuck(options.onStuck);
  const { transport = 'relay', threadHost = 'piscina', window = 262_144 } = options;
  const { maxOutput = 67_108_864, lingerTimeout = 30_000, leaveTimeout = 1_000 } = options;
  const { maxWorkerMessages = 4_096 } = options;
  return {
    url: moduleUrl(worker),
    policy,
    dispatcher: resolveDispatcher(options, policy),
    idle: resolveIdle(options),
    given: options,
    threadHost: oneOf('threadHost', threadHost, HOST_NAMES),
    window: integer('window', window, 1_024, 0x7fff_ffff),
    maxOutput: limit('maxOutput', maxOutput, 0),
    lingerTimeout: millis('lingerTimeout', lingerTimeout),
    leaveTimeout: millis('leaveTimeout', leaveTimeout),
    maxWorkerMessages: limit('maxWorkerMessages', maxWorkerMessages, 1),
    transfer: resolveTransport(transport),
    // What a turn writes is gathered here. The kernel would hold the last piece back until the peer acknowledges the
    // one before, which it delays: 40 ms for each message that does not fill its packets.
    socket: { noDelay: true, ...pick(options, SOCKET) },
    listen: checkTarget(pickListen(options)),
    // Anything but `undefined` is looked at: a `null` from a missing setting must not mean plain text.
    tls: options.tls === undefined ? undefined : resolveTls(options.tls),
  };
}

function resolveTransport(given: unknown): boolean {
  const transport = oneOf('transport', given, ['relay', 'transfer', 'auto']);
  if (transport === 'relay' || canTransfer()) return transport !== 'relay';
  if (transport === 'auto') return false;
  const expected = `'relay' or 'auto' on Node ${process.version}, which cannot move sockets to threads (24.21, 26.6 and later can)`;
  throw errors.badOption('transport', expected, given);
}

const pickListen = (options: PreforkOptions): ListenTarget =>
  Object.fromEntries(
    Object.entries(options).filter(([key, value]) => LISTEN_OPTIONS.includes(key) && value !== undefined),
  );

export function checkTarget(target: ListenTarget): CheckedTarget {
  onlyKnown(target, LISTEN_OPTIONS);
  checkListen(target);
  const { port: given, ...rest } = target;
  return given === undefined ? rest : { ...rest, port: port('port', given) };
}

// A fixed option is no misspelt one, and should not be told as such.
const isFixed = (option: string): boolean =>
  PREFORK_OPTIONS.includes(option) && !RUNNING_OPTIONS.includes(option);

// What `workers` says stands alone; the single options that were given before say the same in another way.
const withoutSize = (before: PreforkOptions, { workers }: RunningOptions): PreforkOptions =>
  workers === undefined
    ? before
    : { ...before, ...Object.fromEntries(POPULATION.map((name) => [name, undefined])) };

// The start is over: how many there were then does not keep `maxWorkers` up.
function startOver(given: PreforkOptions, { startWorkers }: RunningOptions): PreforkOptions {
  const { maxWorkers } = given;
  if (startWorkers !== undefined || given.startWorkers === undefined || maxWorkers === undefined)
    return given;
  return { ...given, startWorkers: Math.min(given.startWorkers, maxWorkers) };
}

/** Options given anew, over those in force. */
export function reconfigure(settings: PreforkSettings, options: RunningOptions): PreforkSettings {
  checkObject('options', options);
  const fixed = Object.keys(options).find(isFixed);
  if (fixed !== undefined) throw errors.fixedOption(fixed, RUNNING_OPTIONS);
  onlyKnown(options, RUNNING_OPTIONS);
  checkPassed(options);
  const given = { ...withoutSize(settings.given, options), ...options };
  const policy = resolvePolicy(startOver(given, options), availableParallelism());
  const tls = options.tls === undefined ? settings.tls : resolveTls(options.tls);
  const [dispatcher, idle] = [resolveDispatcher(given, policy), resolveIdle(given)];
  return { ...settings, given, policy, tls, dispatcher, idle };
}
