/**
 * The object that handlers get as `worker`. It tells them of their worker, and sends their requests to the main thread.
 */
import { setMaxListeners } from 'node:events';
import { limit } from '../../common/core/check.ts';
import { type AddressInfo, type WorkerId } from '../../common/core/types.ts';
import { type Request, type ToMain, type WorkerSettings } from '../../common/wire/messages.ts';
import { type WorkerContext } from '../session/handlers.ts';

/** The worker, as the handlers that run in it see it. */
export class Context implements WorkerContext {
  readonly id: WorkerId;
  readonly generation: number;
  readonly address: AddressInfo | string | null;
  readonly #send: (message: ToMain) => void;
  readonly #leaving = new AbortController();

  constructor(
    { id, generation, address }: Pick<WorkerSettings, 'id' | 'generation' | 'address'>,
    send: (message: ToMain) => void,
  ) {
    this.id = id;
    this.generation = generation;
    this.address = address;
    this.#send = send;
    // Each connection may have a listener of its own.
    setMaxListeners(0, this.#leaving.signal);
  }

  get draining(): boolean {
    return this.#leaving.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  retire(): void {
    this.#ask('retire');
  }

  pause(): void {
    this.#ask('pause');
  }

  resume(): void {
    this.#ask('resume');
  }

  shutdown(): void {
    this.#ask('shutdown');
  }

  limitSessions(most: number): void {
    this.#send({ kind: 'limit', maxSessions: limit('most', most, 0) });
  }

  /** @internal The master wants this worker to leave. */
  leave(): void {
    this.#leaving.abort();
  }

  #ask(request: Request): void {
    this.#send({ kind: 'ask', request });
  }
}
