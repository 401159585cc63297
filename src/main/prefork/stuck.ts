// The option `onStuck`, for threads that cannot be terminated.
import { errors } from '../../common/core/errors.ts';

/** More threads than `maxZombies` cannot be terminated. */
export interface StuckReport {
  /** Threads that were killed and do not end. */
  readonly zombies: number;
  readonly maxZombies: number;
}

/** Checks the option `onStuck`; throws `FORKLESS_BAD_OPTION`. */
export function checkOnStuck(name: string, given: unknown): (report: StuckReport) => void {
  // What kind of function it is cannot be checked.
  if (typeof given === 'function') return given as (report: StuckReport) => void;
  throw errors.badOption(name, 'a function', given);
}

/** The default of `onStuck`: a process warning. The pool serves on with the places that are left. */
export function warnOfZombies({ zombies, maxZombies }: StuckReport): void {
  process.emitWarning(
    `${zombies} worker threads cannot be terminated (maxZombies ${maxZombies}): the pool serves on with fewer workers, ` +
      'and this process can only be ended by a signal',
    { type: 'ForklessWarning', code: 'FORKLESS_STUCK' },
  );
}
