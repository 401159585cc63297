/** The filter of records that changes each of them. Made in either thread, it runs in a worker. */
import { throwAt } from '../core/caller.ts';
import { onlyKnown } from '../core/check.ts';
import { errors } from '../core/errors.ts';
import { type RecordFilter } from './record-filter.ts';

export type MapFilterOptions<Below, In, Out> =
  | {
      /** Makes a record of one from below; `undefined` drops it. */
      readonly get: (record: Below) => In | undefined;
      /** Makes what goes below of a record; `undefined` drops it. */
      readonly put: (record: Out) => unknown;
    }
  /** A single function for both directions. */
  | { readonly code: (record: Below | Out) => In | undefined };

/** Changes each record, by one function for both directions or by one for each. */
export class MapFilter<Below = unknown, In = Below, Out = In> implements RecordFilter<Below, In, Out> {
  #options: MapFilterOptions<Below, In, Out>;
  #waiting: Below[] = [];

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: MapFilterOptions<Below, In, Out>) {
    try {
      this.#options = checkedFunctions(options);
    } catch (error) {
      throwAt(MapFilter, error);
    }
  }

  /** Changes the functions. Throws as the constructor does. */
  modify(options: MapFilterOptions<Below, In, Out>): void {
    this.#options = checkedFunctions(options);
  }

  push(record: Below): void {
    this.#waiting.push(record);
  }

  take(): In | undefined {
    const get = 'code' in this.#options ? this.#options.code : this.#options.get;
    for (;;) {
      const record = this.#waiting.shift();
      if (record === undefined) return undefined;
      const made = get(record);
      if (made !== undefined) return made;
    }
  }

  encode(record: Out): readonly unknown[] {
    const put = 'code' in this.#options ? this.#options.code : this.#options.put;
    const made = put(record);
    return made === undefined ? [] : [made];
  }

  release(): readonly Below[] {
    return this.#waiting.splice(0);
  }

  clone(): MapFilter<Below, In, Out> {
    return new MapFilter(this.#options);
  }
}

/** Either `code`, or `get` and `put`. Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
export function checkedFunctions<T extends object>(options: T): T {
  onlyKnown(options, ['code', 'get', 'put']);
  const { code, get, put } = options as { code?: unknown; get?: unknown; put?: unknown };
  if (code !== undefined) {
    if ((get ?? put) !== undefined) throw errors.badOption('code', 'alone, without `get` and `put`', code);
    isFunction('code', code);
    return options;
  }
  isFunction('get', get);
  isFunction('put', put);
  return options;
}

function isFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw errors.badOption(name, 'a function', value);
}
