import { type ServedSocket } from './served-socket.ts';

/**
 * Notices that the output of a connection became empty. `flushed` runs in a tick of its own, never inside `put`,
 * once however many writes have left; it returns `true` when its promise is pending, and `settled()` follows.
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

  /** Before each write; to be called when that write has left. */
  wrote(): (error?: Error | null) => void {
    this.#wrote = true;
    return this.#written;
  }

  settled(): void {
    this.#pending = false;
    this.#written();
  }

  // One function for all writes: Node batches the callbacks of equal ones.
  readonly #written = (error?: Error | null): void => {
    if (error || this.#tickIsDue || !this.#isFlushed()) return;
    this.#tickIsDue = true;
    // Not a microtask: those run after the ticks that emit 'close', and Flushed goes before Disconnected.
    process.nextTick(this.#tick);
  };

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
