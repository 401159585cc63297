// Process warnings of failures that nobody listens to, at a bounded rate.
import { Causes, type CauseLimits } from '../../common/core/causes.ts';
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';
import { DEGRADED, describeUnheard, type Told } from './describe-unheard.ts';
import { type PreforkEvents } from './events.ts';

/** Takes the events that nobody listens to. */
export interface Unheard {
  missed<Name extends keyof PreforkEvents>(name: Name, event: PreforkEvents[Name]): void;
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

/**
 * Makes process warnings of failures that nobody listens to. Without them, a server whose handlers throw would close
 * one connection after another and print nothing.
 */
export class UnheardWarnings implements Unheard {
  readonly #clock: Clock;
  readonly #causes = new Causes<Told>(WARNINGS);
  /** Clients are to be cut off. */
  #cutsOff = false;
  #cancel: Cancel | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  missed<Name extends keyof PreforkEvents>(name: Name, event: PreforkEvents[Name]): void {
    if (this.#cutsOff && name === 'workerKilled') return;
    const told = describeUnheard(name, event);
    if (told === undefined) return;
    const now = this.#clock.now();
    if (this.#causes.admits(told, told.cause, told.code, told.counted.here + told.repeated, now))
      warn(told, told.repeated);
    else this.#wake();
  }

  recovered(): void {
    this.#causes.forget(({ code }) => code === DEGRADED);
  }

  closing(grace: Millis): void {
    this.recovered();
    if (grace < AT_ONCE) this.#cutsOff = true;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#tell(Infinity);
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
    for (const { item, count } of this.#causes.due(now)) warn(item, count - item.counted.here);
  }
}

function warn({ code, text, listen, frames, counted }: Told, more: number): void {
  const others = more === 0 ? '' : ` (and ${more} more ${counted.unit})`;
  process.emitWarning(`${text}${others}. ${listen}`, {
    type: 'ForklessWarning',
    code,
    ...(frames.length > 0 && { detail: frames.join('\n') }),
  });
}
