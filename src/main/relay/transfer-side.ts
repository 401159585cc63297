/** The main thread's side of one transferred connection. Runs in the main thread. */
import { type CloseReason } from '../../common/core/types.ts';
import { FRAME } from '../../common/wire/frames.ts';
import { encodeCounts, type Counts, type TransferClose } from '../../common/wire/messages.ts';
import { reasonOf } from './closing.ts';
import { type LeaseId } from '../../common/wire/leases.ts';
import { type Connection } from './connection.ts';
import { type ConnectionSide } from './connection-side.ts';
import { type Lane } from '../../common/lane/lane.ts';

const TIMED_OUT = 'ETIMEDOUT';

/**
 * What the main thread keeps of a connection whose socket it has sent to its worker: it knows of it what the worker
 * tells, and can do nothing to it.
 */
export class TransferSide implements ConnectionSide {
  readonly connection: Connection;
  readonly #lane: Lane;
  readonly #closedBothWays: (side: TransferSide) => void;
  #reason: CloseReason = 'ended';
  #error: string | undefined;
  #counts: Counts = { read: 0, written: 0 };
  #timedOut: CloseReason | undefined;

  constructor(connection: Connection, lane: Lane, closed: (side: TransferSide) => void) {
    this.connection = connection;
    this.#lane = lane;
    this.#closedBothWays = closed;
  }

  /** The number of its lease: a transferred connection has one worker in its life. */
  get lease(): LeaseId {
    return this.connection.id;
  }

  get reason(): CloseReason {
    return this.#reason;
  }

  get error(): string | undefined {
    return this.#error;
  }

  /** As last told by the worker. */
  get bytesRead(): number {
    return this.#counts.read;
  }

  /** As last told by the worker. */
  get bytesWritten(): number {
    return this.#counts.written;
  }

  get moved(): number {
    return this.#counts.read + this.#counts.written;
  }

  start(): void {
    // The worker has the socket, or it is on its way there.
  }

  /** The worker tells that bytes have moved. */
  count(counts: Counts): void {
    this.#counts = counts;
    this.#timedOut = undefined;
  }

  /** The worker's socket is closed. */
  close({ read, written, why }: TransferClose): void {
    this.#counts = { read, written };
    this.#error = why && (why.code ?? why.message);
    if (why) this.#reason = reasonOf(why);
    if (this.#timedOut !== undefined && this.#error === TIMED_OUT) this.#reason = this.#timedOut;
    this.#closedBothWays(this);
  }

  /** The main thread believes that the connection timed out. The worker closes it, or tells that bytes have moved. */
  timeOut(reason: CloseReason): void {
    this.#timedOut = reason;
    this.#lane.control(FRAME.counts, this.connection.id, encodeCounts(this.#counts));
  }

  /** The thread's end closes its sockets. One that does not end, a zombie's, keeps them open until it does. */
  abandon(reason: CloseReason): void {
    this.#reason = reason;
    this.#closedBothWays(this);
  }

  destroy(): void {
    // It is not in this thread's power.
  }
}
