/** The checks of options and other arguments that a user gives. Used in both threads. */
import { errors } from './errors.ts';

/**
 * Checks at the door. Each takes the option's name and value, returns the value when it is good and throws
 * `FORKLESS_BAD_OPTION` otherwise; inside, values are trusted.
 */
export function integer(name: string, value: unknown, least: number, most: number = Infinity): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  throw errors.badOption(name, `an integer ${range}`, value);
}

/** An integer, or `Infinity` for "no limit". */
export function limit(name: string, value: unknown, least: number): number {
  if (value === Infinity || (typeof value === 'number' && Number.isInteger(value) && value >= least))
    return value;
  throw errors.badOption(name, `an integer of at least ${least}, or Infinity`, value);
}

// The longest wait of Node's timers (2^31 - 1 ms, 24.8 days); beyond it setTimeout fires at once.
export const MAX_WAIT = 2_147_483_647;

/** A duration in milliseconds that a timer can wait for. */
export function millis(name: string, value: unknown, least = 1): number {
  if (typeof value === 'number' && value >= least && value <= MAX_WAIT) return value;
  throw errors.badOption(name, `milliseconds from ${least} to ${MAX_WAIT}`, value);
}

/** A duration in milliseconds, or `Infinity` for "never". */
export function millisOrNever(name: string, value: unknown, least = 1): number {
  if (value === Infinity || (typeof value === 'number' && value >= least && value <= MAX_WAIT)) return value;
  throw errors.badOption(name, `milliseconds from ${least} to ${MAX_WAIT}, or Infinity`, value);
}

export function fraction(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw errors.badOption(name, 'a number from 0 to 1', value);
}

export function oneOf<T extends string>(name: string, value: unknown, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw errors.badOption(name, known.map((each) => `'${each}'`).join(' or '), value);
}

export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null) throw errors.badOption(name, 'an object', value);
}

/** Refuses keys nobody reads: a misspelt option would be silently without effect. `what` names their kind. */
export function onlyKnown(options: unknown, known: readonly string[], what?: string): void {
  checkObject('options', options);
  const stranger = Object.keys(options).find((key) => !known.includes(key));
  if (stranger !== undefined) throw errors.unknownOption(stranger, known, what);
}

/** A port, also as the digits that an environment variable holds; 0 is any free one. */
export function port(name: string, value: unknown): number {
  const given = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  const isPort = typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= 65_535;
  if (isPort) return given;
  throw errors.badOption(name, 'an integer from 0 to 65535, or its digits', value);
}

export function boolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw errors.badOption(name, 'true or false', value);
}

export function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw errors.badOption(name, 'a string that is not empty', value);
}

export function strings(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw errors.badOption(name, 'an array of strings', value);
}

export function instance<T>(name: string, value: unknown, type: abstract new () => T): T {
  if (value instanceof type) return value;
  throw errors.badOption(name, `of class ${type.name}`, value);
}

/** An object of which every key and value is good; the error names the first key that is not, and what was `expected`. */
export function record<Value>(
  name: string,
  value: unknown,
  expected: string,
  isGood: (key: string, value: unknown) => boolean,
): Readonly<Record<string, Value>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw errors.badOption(name, 'an object', value);
  const bad = Object.entries(value).find(([key, each]) => !isGood(key, each));
  if (bad) throw errors.badOption(`${name}.${bad[0]}`, expected, bad[1]);
  // Every value is good, which is for the caller to say.
  return value as Readonly<Record<string, Value>>;
}
