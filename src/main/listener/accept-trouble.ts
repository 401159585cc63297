/** Failures of the listening sockets, told without flooding the host. */
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';

const PERIOD: Millis = 100;

/**
 * Collects failures of accept(2) into one event every 100 ms at most. With no file descriptor left, such failures come by
 * the thousand, because libuv accepts and closes each pending connection. An event for each would take the very time that
 * the process needs to recover.
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
