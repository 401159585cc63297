// What V8 takes on a 64-bit machine: for a place in an array, a string besides its characters, a view of memory, that
// memory besides its bytes, an object of whatever kind, and an array that has grown by its first record.
const OF_PLACE = 12;
const OF_STRING = 24;
const OF_VIEW = 128;
const OF_MEMORY = 128;
const OF_OBJECT = 56;
const OF_ARRAY = 184;
const OF_CHARACTER = 2;

/** Estimates what records take that are held one after the other. */
export class RecordCosts {
  // A view keeps all of its memory; those of one read mostly have theirs in common.
  #last: ArrayBufferLike | undefined;

  /** Looks into arrays, as blocks of records are; stops beyond `most`. */
  of(record: unknown, most: number): number {
    if (typeof record === 'string') return OF_PLACE + OF_STRING + OF_CHARACTER * record.length;
    if (typeof record !== 'object' || record === null) return OF_PLACE + OF_STRING;
    if (ArrayBuffer.isView(record)) return OF_PLACE + OF_VIEW + this.#memory(record.buffer);
    if (!Array.isArray(record)) return OF_PLACE + OF_OBJECT;
    let cost = OF_PLACE + OF_ARRAY;
    for (const each of record) {
      if (cost > most) break;
      cost += this.of(each, most - cost);
    }
    return cost;
  }

  clear(): void {
    this.#last = undefined;
  }

  #memory(buffer: ArrayBufferLike): number {
    if (buffer === this.#last) return 0;
    this.#last = buffer;
    return OF_MEMORY + buffer.byteLength;
  }
}
