/** A cursor over the bytes of a serialized value, for the check in `clone-format.ts`. Runs in a worker. */
import { type DecodeBudget, DecodeRefusal } from '../filters/decode-budget.ts';

const PADDING = 0;
const MORE = 0x80;
const VARINT_BITS = 7;
// A number of 32 bits takes five bytes, of which the last has four bits.
const LAST_SHIFT = 28;
const LAST_MOST = 0x0f;

/** Reads on in a serialized value. Its methods throw a `DecodeRefusal`. */
export class CloneInput {
  readonly bytes: Buffer;
  readonly #budget: DecodeBudget;
  #at = 0;
  // How many objects have begun: later ones refer to them by their number.
  #objects = 0;
  /** Whether a view has been read: a typed array, a DataView, a Buffer. */
  hasViews: boolean = false;

  constructor(bytes: Buffer, budget: DecodeBudget) {
    this.bytes = bytes;
    this.#budget = budget;
  }

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  byte(): number {
    const byte = this.bytes[this.#at];
    if (byte === undefined) throw new DecodeRefusal('it ends too early');
    this.#at += 1;
    return byte;
  }

  /** The next tag; padding before it is passed. */
  tag(): number {
    let tag = this.byte();
    while (tag === PADDING) tag = this.byte();
    return tag;
  }

  /** Whether the next tag is `tag`; it is passed then. */
  passes(tag: number): boolean {
    const before = this.#at;
    if (this.tag() === tag) return true;
    this.#at = before;
    return false;
  }

  /** A number of 32 bits. */
  number(): number {
    let number = 0;
    for (let shift = 0; ; shift += VARINT_BITS) {
      const byte = this.byte();
      if (shift === LAST_SHIFT && byte > LAST_MOST)
        throw new DecodeRefusal('it has a number of more than 32 bits');
      number += (byte & (MORE - 1)) * 2 ** shift;
      if (byte < MORE) return number;
    }
  }

  /** Passes `count` bytes and gives where they begin. */
  skip(count: number): number {
    const from = this.#at;
    if (count > this.bytes.length - from) throw new DecodeRefusal('it has a length beyond its end');
    this.#at += count;
    return from;
  }

  begin(cost: number): void {
    this.#objects += 1;
    this.#budget.spend(cost);
  }

  enter(cost: number): void {
    this.begin(cost);
    this.#budget.nest(1);
  }

  leave(): void {
    this.#budget.nest(-1);
  }

  spend(cost: number): void {
    this.#budget.spend(cost);
  }

  /** Refuses a number that says otherwise. */
  expect(count: number): void {
    if (this.number() !== count) throw new DecodeRefusal('it has a count that is not what it holds');
  }

  reference(): void {
    if (this.number() >= this.#objects) throw new DecodeRefusal('it refers to what is not there');
  }
}
