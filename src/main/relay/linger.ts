/**
 * The wait for a peer that still has to take the last output of a relayed connection. It is the main thread's: the worker
 * has closed its side by then, and may be gone.
 */
import { type Duplex } from 'node:stream';
import { type Cancel, type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';
import { hasLeft, unsentBy } from './write-through.ts';

/**
 * After everything is flushed and the end is sent, a peer that is still there has this long to end its side. Closing with
 * unread input would make the kernel reset the connection, which could cost the peer the tail of the output. (Apache's
 * SECONDS_TO_LINGER.)
 */
export const AFTER_FLUSH: Millis = 2_000;

// A system tells that a peer reads in steps of up to a third of its send buffer. A peer that was seen to take its time is
// waited for twice as long, and this many times `lingerTimeout` at most.
const MOST_PATIENCE = 10;

interface Patience {
  /** The wait that is asked for. */
  readonly time: Millis;
  /** `lingerTimeout`. */
  readonly most: Millis;
  /** The longest that this peer took so far until no output was held back. */
  readonly slowest: Millis;
  /** Bytes that the stream holds back now. */
  readonly held: number;
}

/** How long the peer may take nothing. */
export function waitFor({ time, most, slowest, held }: Patience): Millis {
  const patience = held > 0 ? Math.min(slowest * 2, most * MOST_PATIENCE) : 0;
  return Math.max(Math.min(time, most), patience);
}

interface Expired {
  /** Some of the output has left since the wait began. */
  readonly moved: boolean;
  /** By how much the timer was late. */
  readonly late: Millis;
  /** The wait that is over. */
  readonly wait: Millis;
  /** This wait was itself granted because a timer was late. */
  readonly granted: boolean;
}

/**
 * The decision at the end of a wait: wait `again`, `grant` one more wait, or `close`. A host that was suspended or blocked
 * has sent nothing meanwhile, so its late timer says nothing about the peer. It is granted one wait only: otherwise
 * nothing would ever end in a host that always blocks.
 */
export function atExpiry({ moved, late, wait, granted }: Expired): 'again' | 'grant' | 'close' {
  if (moved) return 'again';
  return !granted && late > wait / 4 ? 'grant' : 'close';
}

/** The connection that lingers. */
export interface Lingering {
  /** The longest that its peer took until no output was held back. */
  readonly slowest: Millis;
  /** The peer has taken nothing for too long; `unsent` bytes of output are left. */
  gaveUp(unsent: number): void;
}

/** One wait after another until the peer has taken everything, or nothing for too long. It has one timer at most. */
export class Linger {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #most: Millis;
  readonly #owner: Lingering;
  #cancel: Cancel | undefined;

  constructor(stream: Duplex, clock: Clock, most: Millis, owner: Lingering) {
    this.#stream = stream;
    this.#clock = clock;
    this.#most = most;
    this.#owner = owner;
  }

  /** Waits from now on, instead of the wait before. */
  wait(time: Millis, granted = false): void {
    this.stop();
    const before = unsentBy(this.#stream);
    const wait = waitFor({ time, most: this.#most, slowest: this.#owner.slowest, held: before.held });
    const until = this.#clock.now() + wait;
    this.#cancel = this.#clock.callAt(until, () => {
      const left = unsentBy(this.#stream);
      const late = this.#clock.now() - until;
      const decision = atExpiry({ moved: hasLeft(before, left), late, wait, granted });
      if (decision === 'close') this.#owner.gaveUp(left.held);
      else this.wait(time, decision === 'grant');
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
