/** The count of records that were put to a client and are not flushed yet. */

/**
 * How many records wait, told from how many bytes do: so no write needs a callback, and nothing is kept while output
 * leaves at once. Holds one number for each record that waits.
 */
export class PendingRecords {
  #lengths: number[] = [];
  #head = 0;
  #sum = 0;

  /** A record of `length` bytes was written, and `waiting` bytes wait in all. */
  wrote(length: number, waiting: number): void {
    if (length > 0) {
      this.#lengths.push(length);
      this.#sum += length;
    }
    this.count(waiting);
  }

  /** Those of which at least a byte waits. */
  count(waiting: number): number {
    for (;;) {
      const oldest = this.#lengths[this.#head];
      if (oldest === undefined || this.#sum - oldest < waiting) break;
      this.#sum -= oldest;
      this.#head += 1;
    }
    // Not one by one: a shift moves all the rest.
    if (this.#head * 2 >= this.#lengths.length) {
      this.#lengths = this.#lengths.slice(this.#head);
      this.#head = 0;
    }
    return this.#lengths.length - this.#head;
  }
}
