/** The session that a worker has under the aliases of PreforkTCP's master and listener. Runs in a worker. */
import { errors } from '../common/core/errors.ts';
import { type WorkerContext } from '../worker/session/handlers.ts';
import { type Target } from './sessions.ts';
import { EventQueue } from './event-queue.ts';

/** The events of the master session as a worker sees it: `shutdown` is for this worker alone, as in the ancestor. */
const EVENTS: Readonly<Record<string, (worker: WorkerContext) => void>> = {
  shutdown: (worker) => {
    worker.retire();
  },
  pause: (worker) => {
    worker.pause();
  },
  resume: (worker) => {
    worker.resume();
  },
  shutdown_all: (worker) => {
    worker.shutdown();
  },
  // An Acceptor's way to give a place back; the main thread sees by itself when a connection ends.
  disconnected: () => undefined,
};

/** The session behind `heap.master_alias` and the listener's alias in a worker. */
export class WorkerMaster implements Target {
  readonly ID: string;
  readonly queue: EventQueue;
  readonly #worker: WorkerContext;

  constructor(alias: string, worker: WorkerContext, maxEvents: number) {
    this.ID = alias;
    this.#worker = worker;
    this.queue = new EventQueue(maxEvents);
  }

  check(event: string): void {
    if (event === 'set_concurrency') {
      throw errors.badParameter(
        'sets concurrency in the main thread only: there connections are offered to workers',
      );
    }
    if (Object.hasOwn(EVENTS, event)) return;
    const known = Object.keys(EVENTS).join(', ');
    throw errors.badParameter(`has no event "${event}" of ${this.ID} in a worker; known are: ${known}`);
  }

  dispatch(event: string): void {
    EVENTS[event]?.(this.#worker);
  }

  deliver(event: string): void {
    this.dispatch(event);
  }
}
