// The options of the policy: their public types, the table with one row for each, and the numbers that follow.
import { fraction, integer, limit, MAX_WAIT, millis } from '../../common/core/check.ts';
import { errors } from '../../common/core/errors.ts';
import { type Millis } from '../../common/core/types.ts';
import { MOST_WORKERS, sizeOf } from './size.ts';

/**
 * How many workers there are, how long they live and when they are given up. The names, defaults and order of the
 * rules are those of POE::Component::Server::PreforkTCP, as repaired in README.md. Times are milliseconds;
 * `undefined` takes the default, `Infinity` means "no limit", and 0 never means "off".
 */
export interface PolicyOptions {
  /**
   * The size of the pool in one word, for handlers that do not block: `n`, `'cores'` (as many as there are cores) or
   * `'MIN..MAX'` (it grows when its event loops are busy). One thread more while a worker is replaced or leaves. A
   * worker serves any number of connections. Instead of the five options below, which count workers without a
   * connection.
   */
  readonly workers?: number | string | undefined;
  /** Workers born at the start, 0 to `maxWorkers`. Default 5, or `maxWorkers` if that is less. */
  readonly startWorkers?: number | undefined;
  /** Live workers there are at least, 0 to `maxWorkers`. Default `startWorkers`. */
  readonly minWorkers?: number | undefined;
  /** Live workers there are at most, 1 to 1024. One thread more while a worker is replaced or leaves. Default 20. */
  readonly maxWorkers?: number | undefined;
  /** Workers without a connection there are at least, 0 to `maxWorkers`. Default `minWorkers`. */
  readonly minSpareWorkers?: number | undefined;
  /**
   * Workers without a connection there are at most, more than `minSpareWorkers`.
   * Default `maxWorkers - minWorkers`, but at least `minSpareWorkers + 1`.
   */
  readonly maxSpareWorkers?: number | undefined;
  /** The longest time between two looks of the master at its workers. Default 10 000 ms. */
  readonly masterHeartbeat?: Millis | undefined;
  /**
   * Time between two heartbeats of a worker. Default half of `masterHeartbeat`, at most a third of `workerExpireTime`.
   * A worker without a connection that has hardly anything to do gives them less often: after a third of
   * `workerExpireTime`, or of its default if that is less. What such a worker does by itself is noticed as late by
   * `maxHeap` and the like.
   */
  readonly workerHeartbeat?: Millis | undefined;
  /** Open connections of one worker at most; exact. Default `Infinity`. */
  readonly maxSessionsPerWorker?: number | undefined;
  /** A worker without a heartbeat for so long is asked to leave. Default 5 × `masterHeartbeat`. */
  readonly workerExpireTime?: Millis | undefined;
  /** A worker is killed so long after it was first asked to leave. Default `workerExpireTime`. */
  readonly graceTime?: Millis | undefined;
  /** A thread that is not ready so long after its start is killed. Default 30 000 ms. */
  readonly bootTimeout?: Millis | undefined;
  /** A killed thread that has not ended after so long is given up as a zombie; finite. Default 2 000 ms. */
  readonly killTimeout?: Millis | undefined;
  /** A worker without a connection for so long leaves, where the minima allow it. Default 60 000 ms. */
  readonly maxSpareTime?: Millis | undefined;
  /** A worker of this age is replaced. Default `Infinity`. */
  readonly maxLifetime?: Millis | undefined;
  /** Up to which fraction of `maxLifetime` a worker may go earlier, so that not all go at once. Default 0.1. */
  readonly lifetimeJitter?: number | undefined;
  /** A worker that was offered so many connections is offered no more, and replaced. Default `Infinity`. */
  readonly maxServed?: number | undefined;
  /** Up to which fraction of `maxServed` a worker may go earlier. Default 0: exactly `maxServed`. */
  readonly servedJitter?: number | undefined;
  /** A worker that reports more used JS heap than this is replaced, bytes. Default `Infinity`. */
  readonly maxHeap?: number | undefined;
  /**
   * A worker that reports more memory outside the JS heap than this (Buffers, but no SharedArrayBuffers) is replaced,
   * bytes. Default `Infinity`.
   */
  readonly maxExternal?: number | undefined;
  /**
   * Up to which fraction of `maxHeap` and `maxExternal` a worker may go earlier, so that not all go at once.
   * Default 0.1.
   */
  readonly memoryJitter?: number | undefined;
  /** A worker that reports more event-loop utilisation than this is replaced, above 0 to 1. Default `Infinity`. */
  readonly maxUtilization?: number | undefined;
  /** Threads that cannot be killed whose places are refilled; further ones cost a place each. Default 4. */
  readonly maxZombies?: number | undefined;
  /** Wait after a first failed boot; doubles with each further one. Default 100 ms. */
  readonly bootRetryDelay?: Millis | undefined;
  /** A worker that dies by itself so soon after its boot counts as a failed boot. Default 5 000 ms. */
  readonly minUptime?: Millis | undefined;
  /** The longest wait after a failed boot. Default 30 000 ms, or `bootRetryDelay` if that is more. */
  readonly maxBootRetryDelay?: Millis | undefined;
}

/** The options with their values. Instead of `workers` there are the counts that it stands for. */
export type PolicyConfig = { readonly [Key in keyof Omit<PolicyOptions, 'workers'>]-?: number } & {
  /** Another worker is wanted when the average utilisation of the event loops is above this; `Infinity` means never. */
  readonly growUtilization: number;
};

/** Milliseconds between the heartbeats of a worker, and while it rests. Two may be lost before a worker expires. */
export function paceOf({ masterHeartbeat, workerHeartbeat, workerExpireTime }: PolicyConfig): {
  readonly every: Millis;
  readonly atRest: Millis;
} {
  const rest = Math.min(workerExpireTime, EXPIRES_AFTER * masterHeartbeat) / BEATS_BEFORE_EXPIRY;
  return { every: workerHeartbeat, atRest: Math.min(Math.max(workerHeartbeat, rest), MAX_WAIT) };
}

/** Heartbeats of the master before a silent worker expires, as in the ancestor. */
const EXPIRES_AFTER = 5;
const BEATS_BEFORE_EXPIRY = 3;

/** The options that have a row. `workers` has none: it takes the place of five others. */
type Name = Exclude<keyof PolicyOptions, 'workers'>;

/** The value of another option, which is checked before it is told. */
type ValueOf = (name: Name) => number;

/** One option. All of them go to the policy, and `configure()` can change each. */
interface Row {
  /** Returns the value when it is good; throws `FORKLESS_BAD_OPTION` otherwise. */
  readonly check: (name: string, value: number, valueOf: ValueOf) => number;
  /** Its value where none is given. */
  readonly byDefault: number | ((valueOf: ValueOf) => number);
}

const row = (check: Row['check'], byDefault: Row['byDefault']): Row => ({ check, byDefault });

const ROWS: Readonly<Record<Name, Row>> = {
  startWorkers: row(headcount, (valueOf) => Math.min(5, valueOf('maxWorkers'))),
  minWorkers: row(headcount, (valueOf) => valueOf('startWorkers')),
  maxWorkers: row((name, value) => integer(name, value, 1, MOST_WORKERS), 20),
  minSpareWorkers: row(headcount, (valueOf) => valueOf('minWorkers')),
  // The ancestor's MaxServer - MinServer alone can be less than the minimum: workers were then born and retired in
  // turns.
  maxSpareWorkers: row(aboveMinSpare, (valueOf) =>
    Math.max(valueOf('maxWorkers') - valueOf('minWorkers'), valueOf('minSpareWorkers') + 1),
  ),
  masterHeartbeat: row(finite, 10_000),
  workerHeartbeat: row(withinExpiry, (valueOf) =>
    Math.max(Math.min(valueOf('masterHeartbeat') / 2, valueOf('workerExpireTime') / BEATS_BEFORE_EXPIRY), 1),
  ),
  maxSessionsPerWorker: row(atLeastOne, Infinity),
  workerExpireTime: row(span, (valueOf) => EXPIRES_AFTER * valueOf('masterHeartbeat')),
  graceTime: row(span, (valueOf) => valueOf('workerExpireTime')),
  bootTimeout: row(span, 30_000),
  // Finite, or a thread that cannot be killed would keep its place, and `close()`, for ever.
  killTimeout: row(finite, 2_000),
  maxSpareTime: row(span, 60_000),
  maxLifetime: row(span, Infinity),
  lifetimeJitter: row(fraction, 0.1),
  maxServed: row(atLeastOne, Infinity),
  servedJitter: row(fraction, 0),
  maxHeap: row(atLeastOne, Infinity),
  maxExternal: row(atLeastOne, Infinity),
  memoryJitter: row(fraction, 0.1),
  maxUtilization: row(share, Infinity),
  maxZombies: row((name, value) => integer(name, value, 0), 4),
  bootRetryDelay: row(finite, 100),
  maxBootRetryDelay: row(aboveFirstDelay, (valueOf) => Math.max(30_000, valueOf('bootRetryDelay'))),
  minUptime: row(finite, 5_000),
};

// The keys of the table.
const NAMES = Object.keys(ROWS) as Name[];

export const POLICY_OPTIONS: readonly (keyof PolicyOptions)[] = ['workers', ...NAMES];

/**
 * Fills in the defaults and refuses what cannot work; unknown keys are not looked at. `cores`: what `'cores'` means.
 */
export function resolvePolicy(options: PolicyOptions, cores = 1): PolicyConfig {
  const { growUtilization, ...size } = options.workers === undefined ? UNSIZED : sized(options, cores);
  const values: Partial<Record<Name, number>> = size;
  const valueOf = (name: Name): number => (values[name] ??= checked(name, options[name], valueOf));
  const config = Object.fromEntries(NAMES.map((name) => [name, valueOf(name)]));
  // Every option but `workers` has a row.
  return { ...(config as Record<Name, number>), growUtilization };
}

// Not `??` for what is given: a `null` is a mistake to be told, not a wish for the default.
function checked(name: Name, given: number | undefined, valueOf: ValueOf): number {
  const { check, byDefault } = ROWS[name];
  if (given !== undefined) return check(name, given, valueOf);
  return check(name, typeof byDefault === 'number' ? byDefault : byDefault(valueOf), valueOf);
}

/** Options of which `workers` takes the place. */
export const POPULATION = [
  'startWorkers',
  'minWorkers',
  'maxWorkers',
  'minSpareWorkers',
  'maxSpareWorkers',
] as const;

type Population = (typeof POPULATION)[number];

type Size = Partial<Pick<PolicyConfig, Population>> & Pick<PolicyConfig, 'growUtilization'>;

/** Without `workers`, the five options say how many there are. */
const UNSIZED: Size = { growUtilization: Infinity };

// At this utilisation another worker is wanted. It is far enough from 1 to have the worker before the queues grow.
const GROW_AT = 0.8;

function sized(options: PolicyOptions, cores: number): Size {
  const { least, most } = sizeOf(options.workers, cores);
  const { startWorkers = least } = options;
  const fits: Readonly<Record<Population, readonly [least: number, most: number] | undefined>> = {
    startWorkers: [least, most],
    minWorkers: [least, least],
    maxWorkers: [most, most],
    minSpareWorkers: undefined,
    maxSpareWorkers: undefined,
  };
  for (const name of POPULATION) mustFit(name, options, fits[name]);
  // Here it does not matter how many workers have no connection: none are wanted, and any number is allowed.
  const spare = { minSpareWorkers: 0, maxSpareWorkers: Infinity };
  return { startWorkers, minWorkers: least, maxWorkers: most, ...spare, growUtilization: GROW_AT };
}

function allowedBeside(range: readonly [least: number, most: number] | undefined): string {
  if (range === undefined) return 'beside which it has no meaning';
  const [least, most] = range;
  return least === most ? `which makes it ${least}` : `which allows ${least} to ${most}`;
}

// Two options that contradict each other are refused: only their author knows which of them is meant.
function mustFit(
  name: Population,
  options: PolicyOptions,
  range: readonly [least: number, most: number] | undefined,
): void {
  const { [name]: value, workers } = options;
  if (value === undefined) return;
  if (range && Number.isInteger(value) && value >= range[0] && value <= range[1]) return;
  throw errors.besideWorkers(name, value, workers, allowedBeside(range));
}

function headcount(name: string, value: number, valueOf: ValueOf): number {
  const maxWorkers = valueOf('maxWorkers');
  if (Number.isInteger(value) && value >= 0 && value <= maxWorkers) return value;
  throw errors.badOption(name, `an integer from 0 to \`maxWorkers\` (${maxWorkers})`, value);
}

function aboveMinSpare(name: string, value: number, valueOf: ValueOf): number {
  const minSpareWorkers = valueOf('minSpareWorkers');
  if (limit(name, value, 1) > minSpareWorkers) return value;
  throw errors.badOption(name, `more than \`minSpareWorkers\` (${minSpareWorkers})`, value);
}

function withinExpiry(name: string, value: number, valueOf: ValueOf): Millis {
  const workerExpireTime = valueOf('workerExpireTime');
  if (millis(name, value) < workerExpireTime) return value;
  throw errors.badOption(name, `less than \`workerExpireTime\` (${workerExpireTime})`, value);
}

function aboveFirstDelay(name: string, value: number, valueOf: ValueOf): Millis {
  const bootRetryDelay = valueOf('bootRetryDelay');
  if (millis(name, value) >= bootRetryDelay) return value;
  throw errors.badOption(name, `at least \`bootRetryDelay\` (${bootRetryDelay})`, value);
}

function atLeastOne(name: string, value: number): number {
  return limit(name, value, 1);
}

// A time that a timer waits for.
function finite(name: string, value: number): Millis {
  return millis(name, value);
}

// A span may be longer than a timer can wait, unlike a `finite` time: the master looks again with each heartbeat.
function span(name: string, value: number): Millis {
  if (typeof value === 'number' && value >= 1) return value;
  throw errors.badOption(name, 'milliseconds of at least 1, or Infinity', value);
}

function share(name: string, value: number): number {
  if (value === Infinity || (typeof value === 'number' && value > 0 && value <= 1)) return value;
  throw errors.badOption(name, 'a number above 0 to 1, or Infinity', value);
}
