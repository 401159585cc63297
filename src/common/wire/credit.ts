/** The receiver's window in the flow control of one connection. Used in both threads. */
import { errors } from '../core/errors.ts';

/**
 * The receiving half of a connection's flow control: how much the far side may still send, and when to allow it
 * more. As in HTTP/2 (RFC 9113, section 5.2) and SSH (RFC 4254, section 5.2), each direction of each connection has a window of
 * its own, so that one that is not read holds back nobody else.
 */
export class CreditWindow {
  readonly #size: number;
  /** Received and not yet granted again. */
  #outstanding = 0;
  /** Consumed and not yet granted again. */
  #owed = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Counts bytes in. Throws `FORKLESS_BAD_FRAME` when the far side sent more than it was allowed. */
  received(bytes: number): void {
    this.#outstanding += bytes;
    if (this.#outstanding > this.#size) {
      throw errors.badFrame(`${this.#outstanding} bytes in a window of ${this.#size}`);
    }
  }

  /** What the far side may still send once it is told of everything that was consumed; it counts as told. */
  renew(): number {
    this.#outstanding -= this.#owed;
    this.#owed = 0;
    return this.#size - this.#outstanding;
  }

  /**
   * Counts bytes as consumed; returns how many to grant now, or 0. Grants come by half windows: one frame for each
   * few bytes would cost more than the bytes.
   */
  consumed(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed * 2 < this.#size) return 0;
    const grant = this.#owed;
    this.#owed = 0;
    this.#outstanding -= grant;
    return grant;
  }
}
