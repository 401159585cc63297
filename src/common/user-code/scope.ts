/** The async context in which callbacks of user code run, one for each connection. Used in both threads. */
import { AsyncResource, executionAsyncId } from 'node:async_hooks';

/**
 * The async context that the callbacks of one connection run in, so that what a handler keeps in an `AsyncLocalStorage`
 * reaches that connection alone. A `net.Socket` has its handle for it; a relayed one reads in turns of the event loop that
 * it shares with all others of its worker.
 */
export type Scope = AsyncResource;

/** Makes the scopes of a worker's connections, and registers what belongs to none. They inherit the context in which this was made, and no client's. */
export class Scopes {
  readonly #root = new AsyncResource('FORKLESS', { requireManualDestroy: true });

  create(): Scope {
    return this.#root.runInAsyncScope(createScope);
  }

  /** Calls a function that registers something of ours: a timer or a turn must not keep a client's context. */
  register<Given extends unknown[], Result>(call: (...given: Given) => Result, ...given: Given): Result {
    return this.#root.runInAsyncScope(call, undefined, ...given);
  }
}

const createScope = (): Scope => new AsyncResource('FORKLESSCONNECTION', { requireManualDestroy: true });

/** Lets `async_hooks` know that a connection's scope is over; what still runs in it may. */
export const endScope = (scope: Scope): void => {
  scope.emitDestroy();
};

export const isWithin = (scope: Scope): boolean => executionAsyncId() === scope.asyncId();

/** Runs a callback in its connection's scope, unless it runs there already. */
export function within<Result>(scope: Scope, run: () => Result): Result {
  return isWithin(scope) ? run() : scope.runInAsyncScope(run);
}

/** Lets a callback run later in the context of now. */
export const inCallersContext = <Given extends unknown[]>(
  call: (...given: Given) => void,
): ((...given: Given) => void) => AsyncResource.bind(call);
