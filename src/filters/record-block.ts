import { boolean, integer, onlyKnown } from '../core/check.ts';
import { type RecordFilter } from './record-filter.ts';

export interface RecordBlockFilterOptions {
  /** Records of a block, 1 or more. */
  readonly blockSize: number;
  /** Whether only whole blocks are sent, and what is over waits for more (default `false`). */
  readonly checkPut?: boolean;
}

/**
 * Groups records: `blockSize` of them are one block, an array. What is sent is an array too, of any length, and
 * comes apart. Holds fewer than `blockSize` records in each direction.
 */
export class RecordBlockFilter<Below = unknown, Out = Below> implements RecordFilter<
  Below,
  Below[],
  readonly Out[]
> {
  #blockSize: number;
  #checkPut: boolean;
  readonly #received: Below[] = [];
  readonly #unsent: Out[] = [];

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: RecordBlockFilterOptions) {
    onlyKnown(options, ['blockSize', 'checkPut']);
    this.#blockSize = integer('blockSize', options.blockSize, 1);
    this.#checkPut = boolean('checkPut', options.checkPut ?? false);
  }

  get blockSize(): number {
    return this.#blockSize;
  }

  /** Counts from the next block on. Throws `FORKLESS_BAD_OPTION`. */
  set blockSize(size: number) {
    this.#blockSize = integer('blockSize', size, 1);
  }

  get checkPut(): boolean {
    return this.#checkPut;
  }

  /** Throws `FORKLESS_BAD_OPTION`. */
  set checkPut(value: boolean) {
    this.#checkPut = boolean('checkPut', value);
  }

  /** Records that wait to be sent, for want of a whole block. */
  get putPending(): readonly Out[] {
    return [...this.#unsent];
  }

  push(record: Below): void {
    this.#received.push(record);
  }

  take(): Below[] | undefined {
    if (this.#received.length < this.#blockSize) return undefined;
    return this.#received.splice(0, this.#blockSize);
  }

  encode(records: readonly Out[]): readonly Out[] {
    // Put to what waits, not with it into a new array: record by record that would cost the square of a block.
    const all = this.#unsent;
    for (const record of records) all.push(record);
    const over = this.#checkPut ? all.length % this.#blockSize : 0;
    return all.splice(0, all.length - over);
  }

  /** Gives the incomplete block. */
  release(): readonly Below[] {
    return this.#received.splice(0);
  }

  clone(): RecordBlockFilter<Below, Out> {
    return new RecordBlockFilter({ blockSize: this.#blockSize, checkPut: this.#checkPut });
  }
}
