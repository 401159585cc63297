// Waiting until the pool has come into some condition.
import { type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';

/** Waits for conditions of the pool. All conditions are checked again whenever the pool may have changed. */
export class Watchers {
  readonly #checks = new Set<() => void>();

  /** Resolves with true as soon as `met()` is true, with false after `limit` milliseconds (`Infinity`: never). */
  until(clock: Clock, limit: Millis, met: () => boolean): Promise<boolean> {
    if (met()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (result: boolean): void => {
        this.#checks.delete(check);
        cancel?.();
        resolve(result);
      };
      const check = (): void => {
        if (met()) end(true);
      };
      this.#checks.add(check);
      const cancel =
        limit === Infinity
          ? undefined
          : clock.callAt(clock.now() + limit, () => {
              end(false);
            });
    });
  }

  look(): void {
    for (const check of [...this.#checks]) check();
  }
}
