import { errors } from '../../common/core/errors.ts';

/** More threads than `maxZombies` cannot be terminated. */
export interface StuckReport {
  /** Threads that were killed and do not end. */
  readonly zombies: number;
  readonly maxZombies: number;
}

export function checkOnStuck(given: unknown): void {
  if (given !== undefined && typeof given !== 'function')
    throw errors.badOption('onStuck', 'a function', given);
}

/** What is done without an `onStuck`: serve on with the places that are left, and say so. */
export function warnOfZombies({ zombies, maxZombies }: StuckReport): void {
  process.emitWarning(
    `${zombies} worker threads cannot be terminated (maxZombies ${maxZombies}): the pool serves on with fewer workers, ` +
      'and this process can only be ended by a signal',
    { type: 'ForklessWarning', code: 'FORKLESS_STUCK' },
  );
}
