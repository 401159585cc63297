/** The filter of records that passes some and drops the others. Made in either thread, it runs in a worker. */
import { throwAt } from '../core/caller.ts';
import { checkedFunctions } from './map.ts';
import { type RecordFilter } from './record-filter.ts';

export type GrepFilterOptions<Record> =
  | {
      /** Whether a record from below is passed on. */
      readonly get: (record: Record) => boolean;
      /** Whether a record that is sent goes below. */
      readonly put: (record: Record) => boolean;
    }
  /** A single function for both directions. */
  | { readonly code: (record: Record) => boolean };

/** Passes some records and drops the others, by one predicate for both directions or by one for each. */
export class GrepFilter<Record = unknown> implements RecordFilter<Record, Record, Record> {
  #options: GrepFilterOptions<Record>;
  #waiting: Record[] = [];

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: GrepFilterOptions<Record>) {
    try {
      this.#options = checkedFunctions(options);
    } catch (error) {
      throwAt(GrepFilter, error);
    }
  }

  /** Changes the predicates. Throws as the constructor does. */
  modify(options: GrepFilterOptions<Record>): void {
    this.#options = checkedFunctions(options);
  }

  push(record: Record): void {
    this.#waiting.push(record);
  }

  take(): Record | undefined {
    const get = 'code' in this.#options ? this.#options.code : this.#options.get;
    for (;;) {
      const record = this.#waiting.shift();
      if (record === undefined || get(record)) return record;
    }
  }

  encode(record: Record): readonly Record[] {
    const put = 'code' in this.#options ? this.#options.code : this.#options.put;
    return put(record) ? [record] : [];
  }

  release(): readonly Record[] {
    return this.#waiting.splice(0);
  }

  clone(): GrepFilter<Record> {
    return new GrepFilter(this.#options);
  }
}
