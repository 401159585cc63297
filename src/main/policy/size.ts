/** The option `workers`: a number, `'cores'` or a range becomes the least and the most workers. */
import { errors } from '../../common/core/errors.ts';

// More threads than this are a slip of the keyboard: each costs a V8 heap of its own.
export const MOST_WORKERS = 1024;

/** How many workers take connections, at least and at most. */
export interface PoolSize {
  readonly least: number;
  readonly most: number;
}

const EXPECTED = `an integer from 1 to ${MOST_WORKERS}, 'cores', or a range as '2..8'`;

/**
 * The meaning of the option `workers`: a number, `'cores'`, or `'MIN..MAX'`. A number may come as a string of digits, as
 * environment variables have it.
 */
export function sizeOf(workers: unknown, cores: number): PoolSize {
  const size = workers === 'cores' ? fixed(Math.min(cores, MOST_WORKERS)) : parse(workers);
  if (size === undefined || !isPossible(size)) throw errors.badOption('workers', EXPECTED, workers);
  return size;
}

const fixed = (n: number): PoolSize => ({ least: n, most: n });

function parse(workers: unknown): PoolSize | undefined {
  if (typeof workers === 'number') return fixed(workers);
  if (typeof workers !== 'string') return undefined;
  const [, least, most = least] = /^(\d{1,4})(?:\.\.(\d{1,4}))?$/.exec(workers) ?? [];
  return least === undefined ? undefined : { least: Number(least), most: Number(most) };
}

const isPossible = ({ least, most }: PoolSize): boolean =>
  Number.isInteger(most) && most >= 1 && most <= MOST_WORKERS && least <= most;
