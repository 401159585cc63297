// From the options that a user gives to the settings that a prefork uses. `option-table.ts` says what each
// option is.
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { isAbsolute } from 'node:path';
import { checkObject, onlyKnown } from '../../common/core/check.ts';
import { errors } from '../../common/core/errors.ts';
import { HANDLER_NAMES } from '../../common/core/handler-names.ts';
import { POPULATION, resolvePolicy, type PolicyConfig } from '../policy/config.ts';
import { LISTEN_OPTIONS, partOf, PREFORK_OPTIONS, RUNNING_OPTIONS } from './option-table.ts';
import { type RunningOptions, type ListenTarget, type PreforkOptions } from './option-types.ts';
import { type PreforkSettings, type CheckedTarget } from './settings.ts';

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
  const policy = resolvePolicy(options, availableParallelism());
  const settings = settingsOf(moduleUrl(worker), options, policy);
  return { ...settings, ...tlsOf(options) };
}

/** All settings except `tls`, which stay the same object when other options change. */
function settingsOf(url: string, given: PreforkOptions, policy: PolicyConfig): Omit<PreforkSettings, 'tls'> {
  const options = { ...given };
  const { transport, ...own } = partOf('prefork', options);
  const { minWorkers, maxSessionsPerWorker, maxServed, servedJitter, growUtilization } = policy;
  const chosenBy = { minWorkers, maxSessionsPerWorker, maxServed, servedJitter, growUtilization };
  return {
    ...own,
    url,
    given,
    policy,
    transfer: transport === 'transfer',
    dispatcher: { ...chosenBy, ...partOf('dispatcher', options) },
    idle: partOf('idle', options),
    thread: partOf('thread', options),
    listen: partOf('listen', options),
    socket: partOf('socket', options),
  };
}

const tlsOf = ({ tls }: RunningOptions): Pick<PreforkSettings, 'tls'> => ({
  tls: partOf('tls', { tls }).tls,
});

/** Checks where to listen; throws as `resolveOptions` does. */
export function checkTarget(target: ListenTarget): CheckedTarget {
  onlyKnown(target, LISTEN_OPTIONS);
  return partOf('listen', { ...target });
}

// An option that is fixed is not misspelt, and must not be told so.
const isFixed = (option: string): boolean =>
  PREFORK_OPTIONS.includes(option) && !RUNNING_OPTIONS.includes(option);

// A new `workers` takes the place of the single options that were given before: they say the same in another way.
const withoutSize = (before: PreforkOptions, { workers }: RunningOptions): PreforkOptions =>
  workers === undefined
    ? before
    : { ...before, ...Object.fromEntries(POPULATION.map((name) => [name, undefined])) };

// The start is over, so the number of workers at the start must not keep `maxWorkers` from being lowered.
function startOver(given: PreforkOptions, { startWorkers }: RunningOptions): PreforkOptions {
  const { maxWorkers } = given;
  if (startWorkers !== undefined || given.startWorkers === undefined || maxWorkers === undefined)
    return given;
  return { ...given, startWorkers: Math.min(given.startWorkers, maxWorkers) };
}

/** The settings after `configure()`: the new options take the place of those in force. Throws as that does. */
export function reconfigure(settings: PreforkSettings, options: RunningOptions): PreforkSettings {
  checkObject('options', options);
  const fixed = Object.keys(options).find(isFixed);
  if (fixed !== undefined) throw errors.fixedOption(fixed, RUNNING_OPTIONS);
  onlyKnown(options, RUNNING_OPTIONS);
  const given = { ...withoutSize(settings.given, options), ...options };
  const policy = resolvePolicy(startOver(given, options), availableParallelism());
  const tls = options.tls === undefined ? { tls: settings.tls } : tlsOf(options);
  return { ...settingsOf(settings.url, given, policy), ...tls };
}
