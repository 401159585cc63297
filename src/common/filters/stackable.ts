/** The filter that is a stack of others. Made in either thread, it runs in a worker. */
import { throwAt } from '../core/caller.ts';
import { onlyKnown } from '../core/check.ts';
import { errors } from '../core/errors.ts';
import { show } from '../core/thrown.ts';
import { type Filter } from './filter.ts';
import { type RecordFilter } from './record-filter.ts';
import { StreamFilter } from './stream.ts';
import { bytesOf, textEncoding, type TextEncoding } from './text-bytes.ts';

/** A filter of any types that stands in a stack. The next one must take the records that it gives. */
export type StackedFilter = Filter<unknown, never> | RecordFilter<never, unknown, never>;

export interface StackableFilterOptions {
  /** From the bytes up (default: none). The lowest is a filter of bytes, or gets what was read as a record. */
  readonly filters?: readonly StackedFilter[];
  /** How text that a filter of records gives at the bottom becomes bytes (default `'utf8'`). */
  readonly encoding?: TextEncoding;
}

interface Stage {
  push(record: unknown): void;
  take(): unknown;
  encode(record: unknown): unknown;
  release(): Uint8Array | readonly unknown[];
}

/**
 * Filters one above the other: input passes from the first to the last, output from the last to the first. An empty
 * stack is a `StreamFilter`. The filters given are the stack's own from then on; `clone` clones each. It keeps what
 * its filters keep, and throws what they throw.
 */
export class StackableFilter<In = unknown, Out = unknown> implements Filter<In, Out> {
  readonly #stages: Stage[];
  readonly #reads: StreamFilter = new StreamFilter();
  readonly #encoding: TextEncoding;

  /** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_UNKNOWN_OPTION`. */
  constructor(options: StackableFilterOptions = {}) {
    try {
      onlyKnown(options, ['filters', 'encoding']);
      this.#encoding = textEncoding(options.encoding);
      this.#stages = [...(options.filters ?? [])] as Stage[];
    } catch (error) {
      throwAt(StackableFilter, error);
    }
  }

  /** The filters, from the bytes up. */
  get filters(): readonly StackedFilter[] {
    return [...this.#stages] as StackedFilter[];
  }

  /** The names of their classes. */
  get filterTypes(): readonly string[] {
    return this.#stages.map((stage) => stage.constructor.name);
  }

  /** Puts filters on the top. */
  pushFilters(...filters: readonly StackedFilter[]): void {
    this.#stages.push(...(filters as readonly Stage[]));
  }

  /** Takes the filter off the top; what it keeps goes with it. */
  popFilter(): StackedFilter | undefined {
    return this.#stages.pop() as StackedFilter | undefined;
  }

  /** Puts filters at the bottom. */
  unshiftFilters(...filters: readonly StackedFilter[]): void {
    this.#stages.unshift(...(filters as readonly Stage[]));
  }

  /** Takes the filter off the bottom; what it keeps goes with it. */
  shiftFilter(): StackedFilter | undefined {
    return this.#stages.shift() as StackedFilter | undefined;
  }

  push(chunk: Uint8Array): void {
    this.#reads.push(chunk);
  }

  take(): In | undefined {
    return this.#takeFrom(this.#stages.length - 1) as In | undefined;
  }

  /** Throws `FORKLESS_BAD_STACK` when what comes out at the bottom is not bytes. */
  encode(record: Out): Uint8Array | string {
    return joined(this.#down([record], this.#stages.length), this.#encoding);
  }

  /**
   * Records that upper filters keep are written back by the filters below them, so line ends and the like may come
   * back in another form.
   */
  release(): Uint8Array {
    let released: unknown[] = [];
    for (let at = this.#stages.length - 1; at >= 0; at -= 1) {
      const written = this.#down(released, at + 1, at);
      const rest = this.#stages[at]?.release() ?? [];
      released = rest instanceof Uint8Array ? [...written, rest] : [...written, ...rest];
    }
    return Buffer.concat([...released.map((part) => asBytes(part, this.#encoding)), this.#reads.release()]);
  }

  clone(): StackableFilter<In, Out> {
    const filters = this.filters.map((filter) => filter.clone());
    return new StackableFilter({ filters, encoding: this.#encoding });
  }

  // Asks for input from below only when a filter has no record left: nothing piles up between them.
  #takeFrom(at: number): unknown {
    const stage = this.#stages[at];
    if (stage === undefined) return this.#reads.take();
    for (;;) {
      const record = stage.take();
      if (record !== undefined) return record;
      const below = this.#takeFrom(at - 1);
      if (below === undefined) return undefined;
      stage.push(below);
    }
  }

  // Passes records through the filters below `from`, down to and including `to`.
  #down(records: readonly unknown[], from: number, to = 0): unknown[] {
    const below = this.#stages.slice(to, from).reverse();
    return below.reduce<unknown[]>(
      (above, stage) => above.flatMap((record) => this.#through(stage, record)),
      [...records],
    );
  }

  // Text that a filter of bytes gives is UTF-8, whatever becomes of the text that records are.
  #through(stage: Stage, record: unknown): unknown {
    const encoded = stage.encode(record);
    return typeof encoded === 'string' && this.#encoding !== 'utf8' ? Buffer.from(encoded) : encoded;
  }
}

function joined(parts: readonly unknown[], encoding: TextEncoding): Uint8Array | string {
  const [first] = parts;
  if (parts.length === 1) {
    if (first instanceof Uint8Array || (typeof first === 'string' && encoding === 'utf8')) return first;
  }
  return Buffer.concat(parts.map((part) => asBytes(part, encoding)));
}

function asBytes(part: unknown, encoding: TextEncoding): Uint8Array {
  if (part instanceof Uint8Array) return part;
  if (typeof part === 'string') return bytesOf(part, encoding);
  throw errors.badStack(show(part));
}
