// `createPrefork()`, for handlers in a module of their own.
import { called, showCallers } from '../../common/core/caller.ts';
import { checkObject } from '../../common/core/check.ts';
import { checkEventNames } from './event-names.ts';
import { Prefork } from './prefork.ts';
import { type PreforkOptions } from './option-types.ts';

/** The public methods of a prefork that may throw a `ForklessError`. */
export const CALLS: readonly string[] = [
  'accept',
  'connect',
  'pause',
  'resume',
  'retire',
  'configure',
  'status',
];

/** The public methods that may reject with one. */
export const WAITS: readonly string[] = ['listen', 'start', 'drain', 'reload', 'close'];

// This is done here since the file of the class is long enough.
showCallers(Prefork.prototype, CALLS, WAITS);
checkEventNames(Prefork.prototype);

/** The options of `createPrefork()`. */
export interface CreateOptions extends PreforkOptions {
  /** The module with the handlers, which calls `serve()`: a `file:` or `data:` URL, or an absolute path. */
  readonly worker: URL | string;
}

/**
 * A prefork whose handlers are in a module of their own, which calls `serve()` from `forkless/worker`. Throws a
 * `ForklessError` for bad options. Call `listen()` next.
 */
export function createPrefork(options: CreateOptions): Prefork {
  return called(createPrefork, () => {
    checkObject('options', options);
    const { worker, ...rest } = options;
    return new Prefork(worker, rest);
  });
}
