import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';

const PERIOD: Millis = 100;

/**
 * Collects failures of accept(2). With no file descriptor left they come by the thousand (libuv accepts and closes
 * each pending connection), and an event for each would take the very time that is needed to get over it.
 */
export class AcceptTrouble {
  readonly #clock: Clock;
  readonly #tell: (event: { error: Error; count: number }) => void;
  #count = 0;
  #cancel: Cancel | undefined;

  constructor(clock: Clock, tell: (event: { error: Error; count: number }) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  happened(error: Error): void {
    this.#count += 1;
    if (this.#cancel) return;
    this.#report(error);
    this.#cancel = this.#clock.callAt(this.#clock.now() + PERIOD, () => {
      this.#cancel = undefined;
      if (this.#count > 0) this.#report(error);
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  #report(error: Error): void {
    const count = this.#count;
    this.#count = 0;
    this.#tell({ error, count });
  }
}
