// The looks into one worker's thread that are under way.
import { type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';

/** Begins a look; `found` is called once, at the latest by the returned function. */
type Begin<T> = (found: (what: T) => void) => () => void;

/** Ends each look after its limit, and all of them when the thread is killed or has ended. */
export class Looks {
  readonly #clock: Clock;
  readonly #underWay = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Looks for at most `limit`. */
  begin<T>(limit: Millis, found: (what: T) => void, begin: Begin<T>): void {
    let end = (): void => undefined;
    const cancel = this.#clock.callAt(this.#clock.now() + limit, () => {
      end();
    });
    end = begin((what) => {
      cancel();
      this.#underWay.delete(end);
      found(what);
    });
    this.#underWay.add(end);
  }

  /** Ends all looks: each tells what it has found by now. */
  end(): void {
    for (const end of this.#underWay) end();
    this.#underWay.clear();
  }
}
