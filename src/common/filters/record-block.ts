/** The filter of records that groups them into arrays. Made in either thread, it runs in a worker. */
import { throwAt } from '../core/caller.ts';
import { boolean, integer, onlyKnown } from '../core/check.ts';
import { errors } from '../core/errors.ts';
import { RecordCosts } from './record-cost.ts';
import { type RecordFilter } from './record-filter.ts';

export interface RecordBlockFilterOptions {
  /** Records of a block, 1 or more. */
  readonly blockSize: number;
  /** Whether only whole blocks are sent, and the rest waits for more (default `false`). */
  readonly checkPut?: boolean;
  /**
   * Most bytes of memory that records may take while they wait for a whole block: 1 or more (default 16 MiB). Counted
   * for strings, bytes and arrays of them; of another object only that there is one.
   */
  readonly maxBuffer?: number;
}

const DEFAULT_BUFFER = 16 * 1024 * 1024;

/**
 * Groups records: `blockSize` of them are one block, an array. A record that is sent is an array too, of any length, and
 * comes apart. Holds fewer than `blockSize` records in each direction. When those that have come take more than
 * `maxBuffer` bytes, `push` throws `FORKLESS_INPUT_OVERFLOW`; all further input is discarded then.
 */
export class RecordBlockFilter<Below = unknown, Out = Below> implements RecordFilter<
  Below,
  Below[],
  readonly Out[]
> {
  #blockSize: number;
  #checkPut: boolean;
  readonly #maxBuffer: number;
  readonly #costs = new RecordCosts();
  #cost = 0;
  #failed = false;
  #received: Below[] = [];
  readonly #unsent: Out[] = [];

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: RecordBlockFilterOptions) {
    try {
      onlyKnown(options, ['blockSize', 'checkPut', 'maxBuffer']);
      this.#blockSize = integer('blockSize', options.blockSize, 1);
      this.#checkPut = boolean('checkPut', options.checkPut ?? false);
      this.#maxBuffer = integer('maxBuffer', options.maxBuffer ?? DEFAULT_BUFFER, 1);
    } catch (error) {
      throwAt(RecordBlockFilter, error);
    }
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
    if (this.#failed) return;
    this.#cost += this.#costs.of(record, this.#maxBuffer);
    this.#received.push(record);
    if (this.#cost <= this.#maxBuffer) return;
    const error = errors.inputOverflow(this.#cost, this.#maxBuffer);
    this.#takeAll();
    this.#failed = true;
    throw error;
  }

  take(): Below[] | undefined {
    if (this.#received.length < this.#blockSize) return undefined;
    if (this.#received.length === this.#blockSize) return this.#takeAll();
    // More than one block, once its size was made less: what is left counts as before.
    return this.#received.splice(0, this.#blockSize);
  }

  encode(records: readonly Out[]): readonly Out[] {
    // Put to what waits, not with it into a new array: record by record that would cost the square of a block.
    const all = this.#unsent;
    for (const record of records) all.push(record);
    const rest = this.#checkPut ? all.length % this.#blockSize : 0;
    return all.splice(0, all.length - rest);
  }

  /** Gives the incomplete block. */
  release(): readonly Below[] {
    this.#failed = false;
    return this.#takeAll();
  }

  clone(): RecordBlockFilter<Below, Out> {
    return new RecordBlockFilter({
      blockSize: this.#blockSize,
      checkPut: this.#checkPut,
      maxBuffer: this.#maxBuffer,
    });
  }

  #takeAll(): Below[] {
    const all = this.#received;
    this.#received = [];
    this.#cost = 0;
    this.#costs.clear();
    return all;
  }
}
