import { errors } from '../core/errors.ts';
import { type Filter } from '../filters/filter.ts';
import { ClientInfo } from './client-info.ts';
import { type ServedSocket } from './served-socket.ts';

/** What a client asks of the session that runs it. */
export interface ClientOwner {
  /** Before each write; what it returns is called when that write has left. */
  wrote(): ((error?: Error | null) => void) | undefined;
  shutdown(): void;
  destroy(error: Error | undefined): void;
  /** More than `maxOutput` bytes wait. */
  overflow(error: Error): void;
  pauseInput(): void;
  resumeInput(): void;
  /** The input filter was changed: there may be records in what the old one had left. */
  inputChanged(): void;
}

export interface ClientOptions<In, Out> {
  readonly socket: ServedSocket;
  readonly owner: ClientOwner;
  /** Filters of this connection alone; one object may be both. */
  readonly inputFilter: Filter<In, never>;
  readonly outputFilter: Filter<unknown, Out>;
  /** Bytes that may wait for the peer before a further put; `Infinity` for no limit. */
  readonly maxOutput: number;
}

/** One connection, as the handlers see it. Everything may be called at any time; after the end it has no effect. */
export class Client<In = string, Out = string> extends ClientInfo {
  readonly #owner: ClientOwner;
  readonly #maxOutput: number;
  #inputFilter: Filter<In, never>;
  #outputFilter: Filter<unknown, Out>;
  #isShutdown = false;

  /** @internal */
  constructor({ socket, owner, inputFilter, outputFilter, maxOutput }: ClientOptions<In, Out>) {
    super(socket);
    this.#owner = owner;
    this.#inputFilter = inputFilter;
    this.#outputFilter = outputFilter;
    this.#maxOutput = maxOutput;
  }

  /**
   * Sends records. `false` means: wait for `clientFlushed` before the next, or nothing was sent since the client
   * was shut down or is gone. When more than `maxOutput` bytes are waiting already, it destroys the connection with
   * `FORKLESS_OUTPUT_OVERFLOW`; a single large put passes. Throws what the filter throws; then nothing was sent.
   */
  put(...records: Out[]): boolean {
    const { socket } = this;
    if (!socket.writable) return false;
    if (socket.writableLength > this.#maxOutput) {
      this.#owner.overflow(errors.outputOverflow(socket.writableLength, this.#maxOutput));
      return false;
    }
    const [record] = records;
    if (records.length !== 1 || record === undefined) return this.#putAll(records);
    return this.#write(this.#outputFilter.encode(record));
  }

  /**
   * Closes gracefully: no record is delivered from now on, also none of the same read; what was put before is
   * flushed, then the connection closes.
   */
  shutdown(): void {
    if (this.#isShutdown) return;
    this.#isShutdown = true;
    this.#owner.shutdown();
  }

  /** Closes at once and discards waiting output. An error given reaches `clientError` with operation `'handler'`. */
  destroy(error?: Error): void {
    this.#owner.destroy(error);
  }

  /** Delivers no further record, also none of the same read, and stops reading: the peer is held back. */
  pauseInput(): void {
    this.#owner.pauseInput();
  }

  resumeInput(): void {
    this.#owner.resumeInput();
  }

  /** Changes both filters, see `setInputFilter` and `setOutputFilter`. */
  setFilter(filter: Filter<In, Out>): void {
    const own = filter.clone();
    this.#changeInput(own);
    this.#outputFilter = own;
  }

  /** Uses a clone of `filter` from the next record on. It gets all input that the old one has not used. */
  setInputFilter(filter: Filter<In, never>): void {
    this.#changeInput(filter.clone());
  }

  /** Uses a clone of `filter` from the next put on. */
  setOutputFilter(filter: Filter<unknown, Out>): void {
    this.#outputFilter = filter.clone();
  }

  /** The filter in use, the connection's own. */
  get inputFilter(): Filter<In, never> {
    return this.#inputFilter;
  }

  get outputFilter(): Filter<unknown, Out> {
    return this.#outputFilter;
  }

  /** Bytes put that have not left yet. */
  get pendingOutput(): number {
    return this.socket.writableLength;
  }

  /** Whether `shutdown()` was called, here or by the session at the end of input. */
  get isShutdown(): boolean {
    return this.#isShutdown;
  }

  // All are encoded before the first is written: a throw half-way leaves nothing half sent.
  #putAll(records: readonly Out[]): boolean {
    const encoded = records.map((record) => this.#outputFilter.encode(record));
    this.socket.cork();
    for (const bytes of encoded) this.#write(bytes);
    this.socket.uncork();
    return this.socket.writable && !this.socket.writableNeedDrain;
  }

  #write(bytes: Uint8Array | string): boolean {
    return this.socket.write(bytes, 'utf8', this.#owner.wrote());
  }

  #changeInput(next: Filter<In, never>): void {
    const rest = this.#inputFilter.release();
    this.#inputFilter = next;
    if (rest.length === 0) return;
    next.push(rest);
    this.#owner.inputChanged();
  }
}
