/** The watch that calls the handler `clientFlushed` when the output of a connection has become empty. */
import { type ServedSocket } from './served-socket.ts';

/**
 * Notices that the output of a connection became empty. `flushed` runs in a tick of its own, never inside `put`,
 * once however many writes are flushed; it returns `true` when its promise is pending, and `settled()` follows.
 */
export class FlushWatch {
  readonly #socket: ServedSocket;
  readonly #flushed: () => boolean;
  #wrote = false;
  #tickIsDue = false;
  #pending = false;

  constructor(socket: ServedSocket, flushed: () => boolean) {
    this.#socket = socket;
    this.#flushed = flushed;
  }

  /** To be called before each write. */
  wrote(): void {
    this.#wrote = true;
  }

  /** To be called when a write is flushed. */
  look(): void {
    if (this.#tickIsDue || !this.#isFlushed()) return;
    this.#tickIsDue = true;
    // Not a microtask: those run after the ticks that emit 'close', and Flushed goes before Disconnected.
    process.nextTick(this.#tick);
  }

  settled(): void {
    this.#pending = false;
    this.look();
  }

  readonly #tick = (): void => {
    this.#tickIsDue = false;
    if (!this.#isFlushed()) return;
    this.#wrote = false;
    this.#pending = this.#flushed();
  };

  #isFlushed(): boolean {
    return this.#wrote && !this.#pending && this.#socket.writableLength === 0;
  }
}
