import { type WorkerId } from '../core/types.ts';
import { type Request } from '../wire/messages.ts';
import { type WorkerContext } from './handlers.ts';

/** What handlers see of the worker they run in. */
export class Context implements WorkerContext {
  readonly id: WorkerId;
  readonly generation: number;
  readonly #ask: (request: Request) => void;
  readonly #leaving = new AbortController();

  constructor(id: WorkerId, generation: number, ask: (request: Request) => void) {
    this.id = id;
    this.generation = generation;
    this.#ask = ask;
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

  /** @internal The master wants this worker to leave. */
  leave(): void {
    this.#leaving.abort();
  }
}
