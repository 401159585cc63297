/** The interface of a filter of records. Made in either thread, a filter runs in a worker. */

/**
 * Turns records into records, above a filter of bytes or another of these in a `StackableFilter`. What it throws
 * reaches whoever uses the stack.
 */
export interface RecordFilter<Below = unknown, In = unknown, Out = unknown> {
  /** Takes a record of the filter below. Called only after `take` gave `undefined`. */
  push(record: Below): void;
  /** The next record, or `undefined` when more is needed. */
  take(): In | undefined;
  /** The records that one record becomes for the filter below: any number of them. */
  encode(record: Out): readonly unknown[];
  /** Records from below that no record has used yet, and forgets them. */
  release(): readonly unknown[];
  /** The same parameters, no input. */
  clone(): RecordFilter<Below, In, Out>;
}
