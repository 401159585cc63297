/** The interface of a filter of bytes. Made in either thread, a filter runs in a worker. */

/**
 * Turns a stream of bytes into records and records into bytes. One filter object serves one connection: what is
 * given as an option is a prototype, cloned for each.
 */
export interface Filter<In = unknown, Out = unknown> {
  /** Takes input in; parses nothing yet. The bytes stay the caller's: a filter that keeps them copies them or keeps the view. */
  push(chunk: Uint8Array): void;
  /** The next whole record, or `undefined` when more input is needed. Throws when the input breaks the format. */
  take(): In | undefined;
  /** The bytes of one record. Throws when the record cannot be written in this format. */
  encode(record: Out): Uint8Array | string;
  /** Input that no record has used yet, and forgets it: another filter goes on from there. Empty when there is none. */
  release(): Uint8Array;
  /** The same parameters, no input. */
  clone(): Filter<In, Out>;
}
