/**
 * Compares calls of `prefork()` by where they stand, so that a worker finds its own in the module. Used in both
 * threads.
 */

/** Where a call of `prefork()` stands, as both threads see it. */
export interface CallPlace {
  /** File, line and column of the call; empty where that cannot be told. */
  readonly at: string;
  /** The same of the calls that led to it, within the module, innermost first. */
  readonly path: string;
  /** Nobody has changed how stacks are written, so columns are right, too. */
  readonly exact: boolean;
}

/** The call that a worker belongs to, as the worker is told of it. */
export interface OwnCall extends CallPlace {
  /** No other call of the module stands there. */
  readonly alone: boolean;
  /** No other call of the module was made. */
  readonly single: boolean;
}

/** Whether a worker that comes by a call has come by its own. */
export function isSameCall(own: OwnCall, here: CallPlace): boolean {
  if (own.at === '' || here.at === '') return own.single;
  const exact = own.exact && here.exact;
  return isSamePlace(own.path, here.path, exact) || (own.alone && isSamePlace(own.at, here.at, exact));
}

/** Whether two places are one; without columns where these may be wrong. */
export const isSamePlace = (one: string, other: string, exact: boolean): boolean =>
  exact ? one === other : withoutColumns(one) === withoutColumns(other);

const withoutColumns = (places: string): string => places.replace(/:\d+$/gm, '');

/** The advice where a worker never comes by its call. */
export const HOW_TO_PLACE_CALLS =
  'A worker runs its module anew, and what follows an awaited prefork() or is for the main thread alone does not run there: begin all of a module before the first is awaited, or give each a module of its own, with createPrefork()';
