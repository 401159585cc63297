/** Bounds how many items are told in an interval; the rest is counted. Runs in a worker. */
import { type Millis } from './types.ts';

/** How much is told one by one. */
export interface RationLimits {
  readonly interval: Millis;
  /** The most in one interval, of all sources together. */
  readonly most: number;
  /** The most in one interval, of one source. */
  readonly mostOfOne: number;
}

/** An item that stands for others of its kind. */
export interface Rationed<Item> {
  readonly item: Item;
  /** How many more there were of its kind. */
  readonly repeated: number;
}

/**
 * Rations what a peer can bring about as often as it likes: a few are told at once, the rest as a count at the end of
 * the interval. An interval begins with the first one; each is told or counted, none both.
 */
export class Ration<Item> {
  readonly #limits: RationLimits;
  #until: Millis = -Infinity;
  #told = 0;
  /** No more entries than `most`: only for sources of which one was told. */
  readonly #toldOf = new Map<number, number>();
  readonly #counted = new Map<string, { readonly item: Item; repeated: number }>();

  constructor(limits: RationLimits) {
    this.#limits = limits;
  }

  /** When `due()` is to be called; `undefined` while there is nothing to tell. */
  get wakeAt(): Millis | undefined {
    return this.#counted.size === 0 ? undefined : this.#until;
  }

  /** True: tell it now. False: it is counted; `due()` will tell of it. There are few kinds, and any number of sources. */
  admits(item: Item, kind: string, source: number | undefined, now: Millis): boolean {
    if (now >= this.#until && this.#counted.size === 0) this.#begin(now);
    const ofOne = source === undefined ? 0 : (this.#toldOf.get(source) ?? 0);
    if (this.#told >= this.#limits.most || ofOne >= this.#limits.mostOfOne) {
      this.#count(item, kind);
      return false;
    }
    this.#told += 1;
    if (source !== undefined) this.#toldOf.set(source, ofOne + 1);
    return true;
  }

  /** The first of each kind that was counted and not told, with how many more there were. A new interval begins. */
  due(now: Millis): readonly Rationed<Item>[] {
    const due = [...this.#counted.values()];
    this.#begin(now);
    return due;
  }

  #begin(now: Millis): void {
    this.#until = now + this.#limits.interval;
    this.#told = 0;
    this.#toldOf.clear();
    this.#counted.clear();
  }

  #count(item: Item, kind: string): void {
    const counted = this.#counted.get(kind);
    if (counted === undefined) this.#counted.set(kind, { item, repeated: 0 });
    else counted.repeated += 1;
  }
}
