/**
 * The check of the handlers that a user gives. Used in both threads: `prefork()` also checks them in the main thread.
 */
import { errors } from '../../common/core/errors.ts';
import { FILTER_NAMES, FUNCTION_NAMES, HANDLER_NAMES } from '../../common/core/handler-names.ts';
import { knownAre } from '../../common/core/nearest.ts';
import { show } from '../../common/core/thrown.ts';
import { type Filter } from '../../common/filters/filter.ts';

const markNames = ['clientHigh', 'clientLow', 'highMark', 'lowMark'];
const filterMethods = ['push', 'take', 'encode', 'release', 'clone'];
// The handlers that have a meaning beside `connection`.
const workerNames = ['connection', 'workerStarted', 'workerStopping'];

type Check = (value: unknown) => boolean;

const isFunction: Check = (value) => typeof value === 'function';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isIntegerFrom =
  (least: number): Check =>
  (value) =>
    Number.isInteger(value) && Number(value) >= least;

export function isFilter(value: unknown): value is Filter {
  if (typeof value !== 'object' || value === null) return false;
  return filterMethods.every((method) => typeof Reflect.get(value, method) === 'function');
}

const checks = new Map<string, readonly [check: Check, expected: string]>([
  ...FUNCTION_NAMES.map((name) => [name, [isFunction, 'a function']] as const),
  ...FILTER_NAMES.map(
    (name) => [name, [isFilter, `a filter object with the methods ${filterMethods.join(', ')}`]] as const,
  ),
  ['clientShutdownOnError', [isBoolean, 'a boolean']],
  ['highMark', [isIntegerFrom(2), 'an integer of at least 2']],
  ['lowMark', [isIntegerFrom(1), 'an integer of at least 1']],
]);

/** Throws `FORKLESS_BAD_HANDLERS` that names what is wrong. Keys whose value is `undefined` count as absent. */
export function checkHandlers(handlers: unknown): void {
  if (typeof handlers !== 'object' || handlers === null)
    throw errors.badHandlers(`Expected \`handlers\` to be an object, got ${show(handlers)}`);
  const given = new Map<string, unknown>(Object.entries(handlers).filter(([, value]) => value !== undefined));
  for (const [name, value] of given) {
    const known = checks.get(name);
    if (known === undefined)
      throw errors.badHandlers(`Unknown handler \`${name}\`${knownAre(name, HANDLER_NAMES)}`);
    const [check, expected] = known;
    if (!check(value)) throw errors.badHandlers(`Expected \`${name}\` to be ${expected}, got ${show(value)}`);
  }
  checkCompanions(given);
  const conflict = given.has('connection') ? conflictOfRaw([...given.keys()]) : conflictOfClient(given);
  if (conflict !== undefined) throw errors.badHandlers(conflict);
}

/**
 * On a `connection` handler: the handlers that it cannot do without, by name. Another handler of that name would take their
 * place, and nothing would be served.
 */
export const COMPANIONS: unique symbol = Symbol('forkless.companions');

function checkCompanions(given: ReadonlyMap<string, unknown>): void {
  const connection = given.get('connection') as { readonly [COMPANIONS]?: object } | undefined;
  for (const [name, companion] of Object.entries(connection?.[COMPANIONS] ?? {}))
    if (given.get(name) !== companion) throw errors.replacedHandler(name);
}

function conflictOfRaw(names: readonly string[]): string | undefined {
  const stranger = names.find((name) => !workerNames.includes(name));
  if (stranger === undefined) return undefined;
  return `\`${stranger}\` has no effect beside \`connection\`; give either \`connection\` or \`clientInput\``;
}

function conflictOfClient(given: ReadonlyMap<string, unknown>): string | undefined {
  if (!given.has('clientInput'))
    return 'One of `clientInput` and `connection` is needed; HTTP is served by `...http(app)`, from forkless/http';
  if (given.has('clientInputFilter') !== given.has('clientOutputFilter')) {
    return '`clientInputFilter` and `clientOutputFilter` are needed together';
  }
  if (given.has('clientFilter') && given.has('clientInputFilter')) {
    return '`clientFilter` has no effect beside `clientInputFilter` and `clientOutputFilter`';
  }
  return conflictOfMarks(given);
}

function conflictOfMarks(given: ReadonlyMap<string, unknown>): string | undefined {
  const present = markNames.filter((name) => given.has(name)).length;
  if (present === 0) return undefined;
  if (present < markNames.length) {
    return '`clientHigh`, `clientLow`, `highMark` and `lowMark` are needed together';
  }
  if (Number(given.get('lowMark')) < Number(given.get('highMark'))) return undefined;
  return `Expected \`lowMark\` to be less than \`highMark\` (${show(given.get('highMark'))}), got ${show(given.get('lowMark'))}`;
}
