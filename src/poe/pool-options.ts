/** Translates PreforkTCP's parameters of the pool to options of this package. Runs in the main thread. */
import { integer, MAX_WAIT } from '../common/core/check.ts';
import { errors } from '../common/core/errors.ts';
import { show } from '../common/core/thrown.ts';

/** How many servers there are and how long they live. Times are seconds, and fractions of them. */
export interface PoolParameters {
  readonly MaxServer?: number | undefined;
  readonly StartServer?: number | undefined;
  readonly MinServer?: number | undefined;
  readonly MinSpareServer?: number | undefined;
  /** 0: no limit. */
  readonly MaxSpareServer?: number | undefined;
  readonly MasterHeartBeatTime?: number | undefined;
  readonly ServerHeartBeatTime?: number | undefined;
  /** 0: no limit. */
  readonly MaxSessionPerServer?: number | undefined;
  /** 0: never. */
  readonly MaxServerExpireTime?: number | undefined;
  readonly GraceExpireTime?: number | undefined;
  /** 0: never. */
  readonly MaxServerSpareTime?: number | undefined;
  /** 0: never. */
  readonly MaxServerLifeTime?: number | undefined;
  /** 0: no limit. */
  readonly MaxServerLifeTimes?: number | undefined;
  /** Connections of one server: -1 for no limit, 0 for none until `set_concurrency`. With `MaxSessionPerServer` the smaller one counts. */
  readonly Concurrency?: number | undefined;
}

/** The pool's parameters as options: counts, and milliseconds; `Infinity` where the ancestor says 0 for "off". */
export interface PoolOptions {
  readonly maxWorkers: number;
  readonly startWorkers: number;
  readonly minWorkers: number;
  readonly minSpareWorkers: number;
  readonly maxSpareWorkers: number;
  readonly masterHeartbeat: number;
  readonly workerHeartbeat: number;
  readonly maxSessionsPerWorker: number;
  readonly workerExpireTime: number;
  readonly graceTime: number;
  readonly maxSpareTime: number;
  readonly maxLifetime: number;
  readonly maxServed: number;
}

type Warn = (text: string) => void;
type Name = keyof PoolParameters;

/**
 * Throws `FORKLESS_BAD_OPTION` and `FORKLESS_BAD_PARAMETER`. Counts that do not fit together, which the ancestor took
 * and thrashed with, are brought into line with a warning.
 */
export function poolOptions(parameters: PoolParameters, warn: Warn): PoolOptions {
  return { ...population(parameters, warn), ...times(parameters, warn), ...limits(parameters) };
}

type Population = 'maxWorkers' | 'startWorkers' | 'minWorkers' | 'minSpareWorkers' | 'maxSpareWorkers';

function population(parameters: PoolParameters, warn: Warn): Pick<PoolOptions, Population> {
  const maxWorkers = integer('MaxServer', parameters.MaxServer ?? 20, 1, 1024);
  const atMostAll = (name: Name, byDefault: number): number => {
    const value = integer(name, parameters[name] ?? Math.min(byDefault, maxWorkers), 0);
    if (value > maxWorkers) warn(`takes ${maxWorkers} as ${name}: ${value} is more than MaxServer`);
    return Math.min(value, maxWorkers);
  };
  const startWorkers = atMostAll('StartServer', 5);
  const minWorkers = atMostAll('MinServer', startWorkers);
  const minSpareWorkers = atMostAll('MinSpareServer', minWorkers);
  const least = minSpareWorkers + 1;
  const spare = offOr('MaxSpareServer', parameters.MaxSpareServer, Math.max(maxWorkers - minWorkers, least));
  if (spare < least) warn(`takes ${least} as MaxSpareServer: ${spare} is not more than MinSpareServer`);
  return { maxWorkers, startWorkers, minWorkers, minSpareWorkers, maxSpareWorkers: Math.max(spare, least) };
}

type Times =
  'masterHeartbeat' | 'workerHeartbeat' | 'workerExpireTime' | 'graceTime' | 'maxSpareTime' | 'maxLifetime';

function times(parameters: PoolParameters, warn: Warn): Pick<PoolOptions, Times> {
  const masterHeartbeat = millisOf('MasterHeartBeatTime', parameters.MasterHeartBeatTime ?? 10);
  const workerHeartbeat = millisOf(
    'ServerHeartBeatTime',
    parameters.ServerHeartBeatTime ?? masterHeartbeat / 2000,
  );
  const byDefault = 5 * masterHeartbeat;
  const workerExpireTime = offOrMillis('MaxServerExpireTime', parameters.MaxServerExpireTime, byDefault);
  if (workerHeartbeat >= workerExpireTime) {
    throw errors.badParameter('needs a ServerHeartBeatTime of less than MaxServerExpireTime');
  }
  if (workerHeartbeat > masterHeartbeat)
    warn('has a ServerHeartBeatTime that is not faster than MasterHeartBeatTime');
  const { GraceExpireTime } = parameters;
  // Without an expire time a draining worker still has to end some day.
  const grace = workerExpireTime === Infinity ? byDefault : workerExpireTime;
  return {
    masterHeartbeat,
    workerHeartbeat,
    workerExpireTime,
    graceTime: GraceExpireTime === undefined ? grace : millisOf('GraceExpireTime', GraceExpireTime),
    maxSpareTime: offOrMillis('MaxServerSpareTime', parameters.MaxServerSpareTime, Infinity),
    maxLifetime: offOrMillis('MaxServerLifeTime', parameters.MaxServerLifeTime, Infinity),
  };
}

function limits(parameters: PoolParameters): Pick<PoolOptions, 'maxSessionsPerWorker' | 'maxServed'> {
  const sessions = offOr('MaxSessionPerServer', parameters.MaxSessionPerServer, Infinity);
  return {
    maxSessionsPerWorker: Math.min(sessions, concurrency(parameters.Concurrency ?? -1)),
    maxServed: offOr('MaxServerLifeTimes', parameters.MaxServerLifeTimes, Infinity),
  };
}

// 0 is a pause of the whole server, not a limit of each worker.
function concurrency(value: number): number {
  return integer('Concurrency', value, -1) <= 0 ? Infinity : value;
}

/** A count where the ancestor takes 0 as "off". */
function offOr(name: Name, value: number | undefined, byDefault: number): number {
  if (value === undefined) return byDefault;
  return integer(name, value, 0) === 0 ? Infinity : value;
}

function offOrMillis(name: Name, value: number | undefined, byDefault: number): number {
  if (value === undefined) return byDefault;
  return value === 0 ? Infinity : millisOf(name, value);
}

// A thousandth is the least the native surface takes.
function millisOf(name: Name, seconds: number): number {
  const wait = seconds * 1000;
  if (typeof seconds === 'number' && wait >= 1 && wait <= MAX_WAIT) return wait;
  throw errors.badParameter(
    `needs seconds from 0.001 to ${MAX_WAIT / 1000} as ${name}, got ${show(seconds)}`,
  );
}
