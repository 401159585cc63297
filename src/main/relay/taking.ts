/** How connections at rest are taken back from one worker. Runs in the main thread. */
import { type MoveReason, type Millis } from '../../common/core/types.ts';
import { type LaneEnd } from '../../common/lane/lane.ts';
import { FRAME } from '../../common/wire/frames.ts';
import { type LeaseBook, type LeaseId, type Rested } from '../../common/wire/leases.ts';
import { type RelaySide, type SideOwner } from './relay-side.ts';

/** What becomes of a connection that was taken back at rest. */
export interface LeftTerms {
  /** How long it may stay at rest, in milliseconds; 0 for no limit. */
  readonly limit: Millis;
  readonly why: MoveReason;
}

export interface TakingOptions {
  readonly lane: LaneEnd;
  readonly leases: LeaseBook;
  /** Has the sides while the worker's last output for them is still read. */
  readonly owner: SideOwner;
  /** The worker has this one no more. */
  readonly taken: (side: RelaySide) => void;
  /** All output of the worker for a side is here. Not told for one that is closed by then. */
  readonly left: (side: RelaySide, terms: LeftTerms) => void;
  /** The worker has left something that no worker leaves. */
  readonly broken: (error: unknown) => void;
}

/** A connection that was taken back, and what its worker left of it. */
interface Taken extends Rested {
  readonly side: RelaySide;
}

export class Taking {
  readonly #options: TakingOptions;

  constructor(options: TakingOptions) {
    this.#options = options;
  }

  /** Takes back those of the sides that are at rest; returns how many. */
  take(sides: Iterable<RelaySide>, why: MoveReason): number {
    const { lane } = this.#options;
    // What a broken lane has taken has gone nowhere, and output of connections at rest may be behind the place where it broke.
    const taken = lane.intact ? this.#rested(sides) : [];
    if (taken.length === 0) return 0;
    this.#leave(taken);
    lane.whenRead(() => {
      // Their output may be behind what could not be read: they are closed with the worker.
      if (!lane.intact) return;
      for (const { side, limit } of taken) this.#left(side, { limit, why });
    });
    return taken.length;
  }

  #rested(sides: Iterable<RelaySide>): Taken[] {
    const taken: Taken[] = [];
    for (const side of sides) {
      const rested = this.#options.leases.takeRested(side.lease);
      if (rested) taken.push({ side, ...rested });
    }
    return taken;
  }

  // All are taken before any frame is written: the bytes that the worker has not taken are found in the ring.
  #leave(taken: readonly Taken[]): void {
    const unread = this.#unreadOf(taken);
    for (const { side } of taken) {
      this.#options.taken(side);
      this.#options.lane.out.control(FRAME.takenBack, side.lease);
      side.leave(unread.get(side.lease), this.#options.owner);
    }
  }

  #unreadOf(taken: readonly Taken[]): Map<LeaseId, Buffer> {
    try {
      return this.#options.lane.unread(
        new Map(taken.map(({ side, taken: bytes }) => [side.lease, (side.given - bytes) | 0])),
      );
    } catch (error) {
      // Nobody knows any more which bytes were taken.
      for (const { side } of taken) side.giveUp('worker-lost');
      this.#options.broken(error);
      return new Map();
    }
  }

  #left(side: RelaySide, terms: LeftTerms): void {
    side.passed();
    if (side.state === 'open') this.#options.left(side, terms);
  }
}
