/** The limits of memory and depth for a decoded value, and the budget that counts against them. Runs in a worker. */

/** The most that one reference may become. A codec checks it before it takes the memory. */
export interface DecodeLimits {
  /** Bytes of memory that the value may take, by the codec's own estimate. */
  readonly maxDecoded: number;
  /** How deep arrays, objects and the like may stand in one another. */
  readonly maxDepth: number;
}

/** The limits of a codec that is used without a filter. */
export const DEFAULT_LIMITS: DecodeLimits = { maxDecoded: 64 * 1024 * 1024, maxDepth: 1000 };

/** Says that a limit was passed, and which one. Its message goes on after "A reference of … bytes is refused:". */
export class DecodeRefusal extends Error {}

/** Counts what a value that is being looked through would take. Its methods throw a `DecodeRefusal`. */
export class DecodeBudget {
  readonly #limits: DecodeLimits;
  readonly #most: number;
  #spent = 0;
  #depth = 0;

  /** `most`: a bound below `maxDecoded`, by the size of what is decoded. */
  constructor(limits: DecodeLimits, most: number = Infinity) {
    this.#limits = limits;
    this.#most = Math.min(limits.maxDecoded, most);
  }

  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent <= this.#most) return;
    const { maxDecoded } = this.#limits;
    if (this.#most === maxDecoded) throw new DecodeRefusal(tooMuch(maxDecoded));
    throw new DecodeRefusal(`decoded it would take more than ${this.#most} bytes, too many for its length`);
  }

  /** By 1 where something begins that may hold others, by -1 at its end. */
  nest(by: number): void {
    this.#depth += by;
    if (this.#depth > this.#limits.maxDepth) throw new DecodeRefusal(tooDeep(this.#limits.maxDepth));
  }
}

function tooMuch(limit: number): string {
  return `decoded it would take more than ${limit} bytes (limit \`maxDecoded\`)`;
}

function tooDeep(limit: number): string {
  return `it is nested deeper than ${limit} (limit \`maxDepth\`)`;
}
