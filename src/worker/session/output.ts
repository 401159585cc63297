/** The writing half of a client session: records become bytes that are written to the socket, within a bound. */
import { errors } from '../../common/core/errors.ts';
import { type Filter } from '../../common/filters/filter.ts';
import { type FlushWatch } from './flush-watch.ts';
import { type MarkWatch } from './marks.ts';
import { PendingRecords } from './pending-records.ts';
import { type ServedSocket } from './served-socket.ts';

export interface OutputOptions<Out> {
  readonly socket: ServedSocket;
  /** A filter of this connection alone. */
  readonly filter: Filter<unknown, Out>;
  /** How many bytes may wait for the peer before a further put; `Infinity` for no limit. */
  readonly maxOutput: number;
  /** More than that wait. */
  readonly overflow: (error: Error) => void;
  readonly flush: FlushWatch | undefined;
  readonly marks: MarkWatch | undefined;
}

/** The output of one connection: records through the filter to the socket, and who wants to know how they fare. */
export class Output<Out> {
  filter: Filter<unknown, Out>;
  readonly #options: OutputOptions<Out>;
  readonly #records = new PendingRecords();
  readonly #afterWrite: ((error?: Error | null) => void) | undefined;
  #flushing: Promise<boolean> | undefined;

  constructor(options: OutputOptions<Out>) {
    this.filter = options.filter;
    this.#options = options;
    const { flush, marks } = options;
    // One function for all writes: Node batches the callbacks of equal ones.
    if (flush !== undefined || marks !== undefined) {
      this.#afterWrite = (error) => {
        marks?.look();
        if (!error) flush?.look();
      };
    }
  }

  /** Records of which at least a byte is not flushed yet. */
  get pendingRecords(): number {
    return this.#records.count(this.#options.socket.writableLength);
  }

  put(records: readonly Out[]): boolean {
    const { socket, maxOutput, overflow } = this.#options;
    if (!socket.writable) return false;
    const waiting = socket.outputCost;
    if (waiting > maxOutput) {
      overflow(errors.outputOverflow(waiting, maxOutput));
      return false;
    }
    const [record] = records;
    if (records.length !== 1 || record === undefined) this.#putAll(records);
    else this.#write(this.filter.encode(record));
    return this.#goOn();
  }

  flush(): Promise<boolean> {
    return (this.#flushing ??= this.#untilEmpty().finally(() => {
      this.#flushing = undefined;
    }));
  }

  #goOn(): boolean {
    const { socket, marks } = this.#options;
    if (!socket.writable) return false;
    if (marks === undefined) return !socket.writableNeedDrain;
    marks.look();
    return socket.writableLength < marks.marks.high;
  }

  // All are encoded before the first is written: a throw half-way leaves nothing half sent.
  #putAll(records: readonly Out[]): void {
    const encoded = records.map((record) => this.filter.encode(record));
    this.#options.socket.cork();
    try {
      for (const bytes of encoded) this.#write(bytes);
    } finally {
      // The socket throws for what a filter gave that is not bytes.
      this.#options.socket.uncork();
    }
  }

  #write(bytes: Uint8Array | string): void {
    const { socket, flush } = this.#options;
    const before = socket.writableLength;
    flush?.wrote();
    socket.write(bytes, 'utf8', this.#afterWrite);
    const waiting = socket.writableLength;
    this.#records.wrote(waiting - before, waiting);
  }

  async #untilEmpty(): Promise<boolean> {
    const { socket } = this.#options;
    while (socket.writable && socket.writableLength > 0) {
      // Behind all that was written before.
      await orClose(socket, (done) => socket.write('', done));
    }
    if (socket.writableEnded && !socket.writableFinished && !socket.destroyed) {
      await orClose(socket, (done) => socket.once('finish', done));
    }
    return socket.writableFinished || (!socket.destroyed && socket.writableLength === 0);
  }
}

/** Waits for `done`, or for the socket to close: then the callbacks of its writes may never come. */
function orClose(socket: ServedSocket, begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('close', done);
      resolve();
    };
    socket.once('close', done);
    begin(done);
  });
}
