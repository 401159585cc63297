// Process warnings of failures that nobody listens to, at a bounded rate.
import { Causes, type CauseLimits } from '../../common/core/causes.ts';
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';
import {
  type Blow,
  blowOf,
  DEGRADED,
  describeUnheard,
  soonCauseOf,
  type Told,
  withSequel,
} from './describe-unheard.ts';
import { type PreforkEvents } from './events.ts';

/** Takes the events that nobody listens to. */
export interface Unheard {
  missed<Name extends keyof PreforkEvents>(name: Name, event: PreforkEvents[Name]): void;
  /** Takes a notice that no event tells of. */
  notice(told: Told): void;
  /** The pool is whole again: it no longer matters that it was not. */
  recovered(): void;
  /** It is to close, within so long. */
  closing(grace: Millis): void;
  /** No more events will come. */
  stop(): void;
}

/**
 * One cause is told at most once in an interval, with a count of the rest. Failures at one file and line are one cause.
 */
export const WARNINGS: CauseLimits = { interval: 10_000, most: 64 };

/** A shorter grace for `close()` means that the caller wants clients to be cut off. */
const AT_ONCE: Millis = 100;

/** A failure that is told of at the end of the turn, since the pool may become degraded by it. */
interface Held {
  told: Told;
  readonly blow: Blow;
}

/**
 * Makes process warnings of failures that nobody listens to. Without them, a server whose handlers throw would close
 * one connection after another and print nothing.
 */
export class UnheardWarnings implements Unheard {
  readonly #clock: Clock;
  readonly #atTurnEnd: (run: () => void) => void;
  readonly #causes = new Causes<Told>(WARNINGS);
  #held: Held[] = [];
  /** The sequels of what is told later still hold. */
  #isDegraded = false;
  /** Clients are to be cut off. */
  #cutsOff = false;
  #cancel: Cancel | undefined;

  /** `atTurnEnd` runs its argument after the turn of the master that is asked for already. */
  constructor(clock: Clock, atTurnEnd: (run: () => void) => void) {
    this.#clock = clock;
    this.#atTurnEnd = atTurnEnd;
  }

  missed<Name extends keyof PreforkEvents>(name: Name, event: PreforkEvents[Name]): void {
    if (this.#cutsOff && name === 'workerKilled') return;
    if (name === 'degraded' && this.#joins(event as PreforkEvents['degraded'])) return;
    const told = describeUnheard(name, event);
    if (told === undefined) return;
    const blow = blowOf(name, event);
    if (blow) this.#hold({ told, blow });
    else this.#take(told);
  }

  notice(told: Told): void {
    this.#take(told);
  }

  recovered(): void {
    this.#isDegraded = false;
    this.#causes.forget(({ code }) => code === DEGRADED);
  }

  closing(grace: Millis): void {
    this.recovered();
    if (grace < AT_ONCE) this.#cutsOff = true;
  }

  stop(): void {
    this.#release();
    this.#cancel?.();
    this.#cancel = undefined;
    this.#tell(Infinity);
  }

  #hold(held: Held): void {
    this.#held.push(held);
    if (this.#held.length > 1) return;
    this.#atTurnEnd(() => {
      this.#release();
    });
  }

  // What made the pool degraded and that it is so are one cause, and one warning.
  #joins([degradation]: PreforkEvents['degraded']): boolean {
    if (degradation.cause !== 'boot') return false;
    const held = this.#held.findLast(({ blow }) => blow.error === degradation.error);
    if (held === undefined) return false;
    held.told = withSequel(held.told, degradation);
    this.#isDegraded = true;
    return true;
  }

  #release(): void {
    const held = this.#held.map(({ told }) => told);
    this.#held = [];
    const joined = held.filter(({ sequel }) => sequel !== undefined);
    for (const told of [...joined, ...held.filter((each) => !joined.includes(each))]) this.#take(told);
  }

  #take(told: Told): void {
    const now = this.#clock.now();
    // Several workers that fail alike at once make the pool degraded once.
    const soon = soonCauseOf(told);
    const cause = this.#causes.knows(soon, now) ? soon : told.cause;
    if (this.#causes.admits(told, cause, told.code, told.counted.here + told.repeated, now))
      this.#warn(told, told.repeated);
    else this.#wake();
  }

  #wake(): void {
    const { wakeAt } = this.#causes;
    if (wakeAt === undefined || this.#cancel !== undefined) return;
    this.#cancel = this.#clock.callAt(wakeAt, () => {
      this.#cancel = undefined;
      this.#tell(this.#clock.now());
      this.#wake();
    });
  }

  #tell(now: number): void {
    for (const { item, count } of this.#causes.due(now)) this.#warn(item, count - item.counted.here);
  }

  #warn(told: Told, more: number): void {
    warn(told, this.#isDegraded ? (told.sequel ?? '') : '', more);
  }
}

function warn({ code, text, listen, frames, counted }: Told, sequel: string, more: number): void {
  const others = more === 0 ? '' : ` (and ${more} more ${counted.unit})`;
  process.emitWarning(`${text}${sequel}${others}. ${listen}`, {
    type: 'ForklessWarning',
    code,
    ...(frames.length > 0 && { detail: frames.join('\n') }),
  });
}
