/** Bounds how often each cause of a failure is told; the rest is counted. Runs in the main thread. */
import { type Millis } from './types.ts';

/** How often one cause is told of, and how many causes are told apart. */
export interface CauseLimits {
  readonly interval: Millis;
  /** Causes that are remembered at a time. Further causes are counted together, by their kind. */
  readonly most: number;
}

/** The failures of one cause that were counted and not told in an interval. */
export interface Counted<Item> {
  /** The last of them. */
  readonly item: Item;
  readonly count: number;
}

interface Entry<Item> {
  item: Item;
  until: Millis;
  count: number;
}

/**
 * Tells the first of each cause at once, and the rest as a count at the end of each interval. `Ration` bounds how many
 * are told in all; this one sees to it that a frequent cause does not hide a rare one.
 */
export class Causes<Item> {
  readonly #limits: CauseLimits;
  readonly #known = new Map<string, Entry<Item>>();

  constructor(limits: CauseLimits) {
    this.#limits = limits;
  }

  /** How many are remembered, by cause or by kind. */
  get size(): number {
    return this.#known.size;
  }

  /** When `due()` is to be called; `undefined` while there is nothing to tell. */
  get wakeAt(): Millis | undefined {
    const waiting = [...this.#known.values()].filter(({ count }) => count > 0);
    return waiting.length === 0 ? undefined : Math.min(...waiting.map(({ until }) => until));
  }

  /**
   * True: tell it now. False: it is counted, as `count`, and `due()` will tell of it. There are few kinds and any number
   * of causes; no cause is named as a kind.
   */
  admits(item: Item, cause: string, kind: string, count: number, now: Millis): boolean {
    const key = this.#hasRoomFor(cause, now) ? cause : kind;
    const known = this.#known.get(key);
    if (known === undefined || isExpired(known, now)) {
      this.#known.set(key, { item, until: now + this.#limits.interval, count: 0 });
      return true;
    }
    known.item = item;
    known.count += count;
    return false;
  }

  /** Whether it was told within its interval. */
  knows(cause: string, now: Millis): boolean {
    const known = this.#known.get(cause);
    return known !== undefined && !isExpired(known, now);
  }

  /** The failures that were counted in the intervals that are over. */
  due(now: Millis): readonly Counted<Item>[] {
    const due: Counted<Item>[] = [];
    for (const entry of this.#known.values()) {
      if (entry.count === 0 || now < entry.until) continue;
      due.push({ item: entry.item, count: entry.count });
      entry.count = 0;
      entry.until = now + this.#limits.interval;
    }
    return due;
  }

  /** Tells nothing of the items for which `isPast` is true: their counts begin anew. */
  forget(isPast: (item: Item) => boolean): void {
    for (const entry of this.#known.values()) if (isPast(entry.item)) entry.count = 0;
  }

  #hasRoomFor(cause: string, now: Millis): boolean {
    const { most } = this.#limits;
    if (this.#known.has(cause) || this.#known.size < most) return true;
    for (const [key, entry] of this.#known) if (isExpired(entry, now)) this.#known.delete(key);
    return this.#known.size < most;
  }
}

const isExpired = ({ count, until }: Entry<unknown>, now: Millis): boolean => count === 0 && now >= until;
