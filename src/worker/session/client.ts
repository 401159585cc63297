/** The public class by which handlers send to a client, pause it and close it. */
import { errors } from '../../common/core/errors.ts';
import { type Filter } from '../../common/filters/filter.ts';
import { ClientInfo } from './client-info.ts';
import { checkMarks, type Marks, type MarkWatch } from './marks.ts';
import { type Output } from './output.ts';
import { type ServedSocket } from './served-socket.ts';
import { nameInstead } from './strangers.ts';

/** The part of a session that its client uses. */
export interface ClientOwner {
  shutdown(): void;
  /** By user code without types it may be any value. */
  destroy(error: unknown): void;
  pauseInput(): void;
  resumeInput(): void;
  shutdownInput(): void;
  /** The input filter was changed: there may be records in what the old one had left. */
  inputChanged(): void;
}

export interface ClientOptions<In, Out> {
  readonly socket: ServedSocket;
  readonly owner: ClientOwner;
  /** Of this connection alone; may be the object that is the output's filter too. */
  readonly inputFilter: Filter<In, never>;
  readonly output: Output<Out>;
  readonly marks: MarkWatch | undefined;
}

/** One connection, as the handlers see it. Everything may be called at any time; after the end it has no effect. */
export class Client<In = string, Out = string> extends ClientInfo {
  readonly #owner: ClientOwner;
  readonly #output: Output<Out>;
  readonly #marks: MarkWatch | undefined;
  #inputFilter: Filter<In, never>;
  #isShutdown = false;

  /** @internal */
  constructor({ socket, owner, inputFilter, output, marks }: ClientOptions<In, Out>) {
    super(socket);
    this.#owner = owner;
    this.#inputFilter = inputFilter;
    this.#output = output;
    this.#marks = marks;
  }

  /**
   * Sends records. `false` means: wait for `clientLow` before the next, or for `clientFlushed` where no marks are set,
   * or nothing was sent since the client was shut down or is gone. With marks it is `false` while at least `highMark`
   * bytes wait. When more than `maxOutput` bytes are waiting already, it destroys the connection with
   * `FORKLESS_OUTPUT_OVERFLOW`; a single large put passes. Throws what the filter throws; then nothing was sent.
   */
  put(...records: Out[]): boolean {
    return this.#output.put(records);
  }

  /** Resolves with `true` as soon as no output waits, with `false` when the connection ends before. Never rejects. */
  flush(): Promise<boolean> {
    return this.#output.flush();
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

  /**
   * Closes at once. Output within the window is still sent, and what waits beyond it is discarded. An error given reaches
   * `clientError` with operation `'handler'`.
   */
  destroy(error?: Error): void {
    this.#owner.destroy(error);
  }

  /** Delivers no further record, also none of the same read, and stops reading: the peer must wait. */
  pauseInput(): void {
    this.#owner.pauseInput();
  }

  resumeInput(): void {
    this.#owner.resumeInput();
  }

  /**
   * Delivers nothing more, not even the end of input, and discards what still comes. Output goes on; when it is shut
   * down as well, the connection closes once everything is flushed.
   */
  shutdownInput(): void {
    this.#owner.shutdownInput();
  }

  /** Ends the output behind what was put; the peer sees the end. Input goes on, until its end or `shutdown()`. */
  shutdownOutput(): void {
    this.socket.end();
  }

  /** Changes both filters, see `setInputFilter` and `setOutputFilter`. */
  setFilter(filter: Filter<In, Out>): void {
    const own = filter.clone();
    this.#changeInput(own);
    this.#output.filter = own;
  }

  /** Uses a clone of `filter` from the next record on. It gets all input that the old one has not used. */
  setInputFilter(filter: Filter<In, never>): void {
    this.#changeInput(filter.clone());
  }

  /** Uses a clone of `filter` from the next put on. */
  setOutputFilter(filter: Filter<unknown, Out>): void {
    this.#output.filter = filter.clone();
  }

  /** The filter in use, the connection's own. */
  get inputFilter(): Filter<In, never> {
    return this.#inputFilter;
  }

  get outputFilter(): Filter<unknown, Out> {
    return this.#output.filter;
  }

  /** Bytes put that are not flushed yet. */
  get pendingOutput(): number {
    return this.socket.writableLength;
  }

  /** Records put of which at least a byte is not flushed yet. */
  get pendingRecords(): number {
    return this.#output.pendingRecords;
  }

  /** The marks in force; `undefined` when the handlers have none. */
  get marks(): Marks | undefined {
    return this.#marks?.marks;
  }

  /**
   * Changes the marks, in bytes: `high > low > 0`. Throws `FORKLESS_BAD_OPTION` for others and
   * `FORKLESS_BAD_HANDLERS` when the handlers have none.
   */
  setMarks(marks: Marks): void {
    if (this.#marks === undefined) {
      throw errors.badHandlers('setMarks() needs `clientHigh`, `clientLow`, `highMark` and `lowMark`');
    }
    this.#marks.marks = checkMarks(marks);
    this.#marks.look();
  }

  /** Whether `shutdown()` was called, here or by the session at the end of input. */
  get isShutdown(): boolean {
    return this.#isShutdown;
  }

  #changeInput(next: Filter<In, never>): void {
    const rest = this.#inputFilter.release();
    this.#inputFilter = next;
    if (rest.length === 0) return;
    next.push(rest);
    this.#owner.inputChanged();
  }
}

// Whoever comes from `node:net` reaches for these.
nameInstead(Client.prototype);
