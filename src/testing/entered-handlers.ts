/** Wraps the handlers of one worker so that each call counts as its code. Runs in the thread of the test. */
import { isError, isPromise } from '../common/core/thrown.ts';
import { ThreadEnded } from './inhabitants.ts';

/** Around the calls of one worker's handlers. */
export interface Visitor {
  /** Its worker has ended: nothing of it is called any more. */
  readonly ended: boolean;
  /** Runs a handler as the worker's code. */
  visit<T>(run: () => T): T;
  /** A handler has returned a promise; the result is called when it has settled. */
  began(name: string): () => void;
}

type Callback = (...given: unknown[]) => unknown;

const isCallback = (value: unknown): value is Callback => typeof value === 'function';

/** The same handlers, called as in a thread of their own: by nobody once that has ended. */
export function enterHandlers<H extends object>(handlers: H, visitor: Visitor): H {
  const entered = Object.entries(handlers).map(([name, value]: [string, unknown]) => [
    name,
    isCallback(value) ? enterCallback(name, value.bind(handlers), visitor) : value,
  ]);
  // The keys are the same, and each value is called like the one that it stands for.
  return Object.fromEntries(entered) as H;
}

function enterCallback(name: string, callback: Callback, visitor: Visitor): Callback {
  return (...given) => {
    if (visitor.ended) return undefined;
    try {
      const result = visitor.visit(() => callback(...given));
      // It may run as long as its connection does.
      return name === 'connection' || !isPromise(result) ? result : followed(result, visitor.began(name));
    } catch (error) {
      rethrow(error);
      return undefined;
    }
  };
}

async function followed(result: PromiseLike<unknown>, settled: () => void): Promise<unknown> {
  try {
    return await result;
  } catch (error) {
    rethrow(error);
    return undefined;
  } finally {
    settled();
  }
}

// A handler that was stopped by its own `process.exit()` has not failed.
function rethrow(error: unknown): void {
  if (!isError(error) || !(error instanceof ThreadEnded)) throw error;
}
