import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { isAbsolute } from 'node:path';
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
import { type DispatcherConfig } from '../listener/dispatcher.ts';
import { POLICY_OPTIONS, POPULATION, resolvePolicy, type PolicyConfig } from '../policy/config.ts';
import { HOST_NAMES } from '../threads/hosts.ts';
import { type IdleLimits } from '../listener/idle-watch.ts';
import { canTransfer } from '../relay/send-socket.ts';
import { checkListen, checkPassed, LISTEN_OPTIONS } from './passed-options.ts';
import { checkOnStuck } from './stuck.ts';
import { HANDLER_NAMES } from '../../common/core/handler-names.ts';
import { resolveTls } from '../../common/tls/options.ts';
import {
  type RunningOptions,
  type ListenTarget,
  type PreforkOptions,
  type PreforkSettings,
  type CheckedTarget,
} from './option-types.ts';

const SOCKET = ['noDelay', 'keepAlive', 'keepAliveInitialDelay', 'highWaterMark'] as const;
const DISPATCH = [
  'dispatch',
  'maxConnections',
  'maxConnectionsPerAddress',
  'blockList',
  'maxWaiting',
  'waitTimeout',
  'claimTimeout',
  'stealAfter',
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
  const { maxWaiting = 511, waitTimeout = 30_000, claimTimeout = 1_000, stealAfter = 5 } = options;
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
    stealAfter: millisOrNever('stealAfter', stealAfter),
  };
}

function resolveIdle({ idleTimeout = 3_600_000, firstByteTimeout = 120_000 }: RunningOptions): IdleLimits {
  return {
    idleTimeout: millisOrNever('idleTimeout', idleTimeout),
    firstByteTimeout: millisOrNever('firstByteTimeout', firstByteTimeout),
  };
}

const MODULE = 'a file: URL, a data: URL or an absolute path';

/** The worker module as a URL: a file URL, a `data:` URL or an absolute path. `name` is what the user calls it. */
export function moduleUrl(given: unknown, name = 'worker', expected: string = MODULE): string {
  const text = given instanceof URL ? given.href : given;
  if (typeof text !== 'string') throw errors.badOption(name, expected, given);
  if (isAbsolute(text)) return pathToFileURL(text).href;
  if (URL.canParse(text) && /^(?:file|data):/.test(text)) return text;
  throw errors.badOption(name, expected, given);
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
