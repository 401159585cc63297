/** An estimate of the memory that records take while they wait. Runs in a worker. */

// What V8 takes on a 64-bit machine: for a place in an array, a string besides its characters, a view of memory, that
// memory besides its bytes, an object of whatever kind, and an array that has grown by its first record.
const OF_PLACE = 12;
const OF_STRING = 24;
const OF_VIEW = 128;
const OF_MEMORY = 128;
const OF_OBJECT = 56;
const OF_ARRAY = 184;
const OF_CHARACTER = 2;

/** Estimates what records take that are kept one after the other. */
export class RecordCosts {
  // A view keeps all of its memory; those of one read mostly have theirs in common.
  #last: ArrayBufferLike | undefined;

  /** Looks into arrays, as blocks of records are; stops beyond `most`. */
  of(record: unknown, most: number): number {
    return Array.isArray(record) ? this.#array(record, most) : this.#single(record);
  }

  clear(): void {
    this.#last = undefined;
  }

  // Without recursion, and each array once: a record may be nested deeper than the stack is, or hold itself.
  #array(record: readonly unknown[], most: number): number {
    let cost = OF_PLACE + OF_ARRAY;
    const found = new Set([record]);
    for (const array of found) {
      for (const each of array) {
        if (cost > most) return cost;
        if (!Array.isArray(each)) cost += this.#single(each);
        else cost += found.has(each) ? OF_PLACE : OF_PLACE + OF_ARRAY;
        if (Array.isArray(each)) found.add(each);
      }
    }
    return cost;
  }

  #single(record: unknown): number {
    if (typeof record === 'string') return OF_PLACE + OF_STRING + OF_CHARACTER * record.length;
    if (typeof record !== 'object' || record === null) return OF_PLACE + OF_STRING;
    if (ArrayBuffer.isView(record)) return OF_PLACE + OF_VIEW + this.#memory(record.buffer);
    return OF_PLACE + OF_OBJECT;
  }

  #memory(buffer: ArrayBufferLike): number {
    if (buffer === this.#last) return 0;
    this.#last = buffer;
    return OF_MEMORY + buffer.byteLength;
  }
}
