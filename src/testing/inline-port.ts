/** The port of a worker that has no thread of its own. Runs in the thread of the test. */
import { EventEmitter } from 'node:events';
import { type MessagePort } from 'node:worker_threads';
import { type BootPort } from '../common/boot/boot-data.ts';

export interface InlinePortOptions {
  readonly port: MessagePort;
  /** Runs what a message brings about, as the worker's code, now or later. */
  readonly receive: (run: () => void) => void;
  /** A message was sent. */
  readonly sent: () => void;
}

/** A worker's MessagePort where its code shares a thread with others. */
export class InlinePort extends EventEmitter implements BootPort {
  readonly #options: InlinePortOptions;
  #listening = false;
  #held = true;
  #closed = false;

  /** `listened` is called with the first listener. */
  constructor(options: InlinePortOptions, listened: () => void) {
    super();
    this.#options = options;
    this.on('newListener', (event: string | symbol) => {
      if (event !== 'message' || this.#listening) return;
      this.#listening = true;
      this.#listen();
      listened();
    });
  }

  /** Whether its worker has begun to listen: from then on it holds the thread, as any port does. */
  get listening(): boolean {
    return this.#listening;
  }

  postMessage(message: unknown, transfer?: Parameters<BootPort['postMessage']>[1]): void {
    if (this.#closed) return;
    this.#options.sent();
    this.#options.port.postMessage(message, Array.isArray(transfer) ? transfer : undefined);
  }

  hold(held: boolean): void {
    this.#held = held;
    if (!this.#listening || this.#closed) return;
    if (held) this.#options.port.ref();
    else this.#options.port.unref();
  }

  /** Neither receives nor sends from now on; what was sent before still arrives. */
  close(): void {
    this.#closed = true;
    this.removeAllListeners();
    this.#options.port.close();
  }

  #listen(): void {
    const { port, receive } = this.#options;
    port.on('message', (message: unknown) => {
      receive(() => {
        this.emit('message', message);
      });
    });
    this.hold(this.#held);
  }
}
