/** Shortens the chain of causes of an uncaught error, before Node passes it on to the main thread. */
import { fieldOf } from '../../common/core/thrown.ts';
import { explainListenErrors } from './listen-error.ts';

// Node copies 300 of them to the main thread in 40 ms, and takes 5 s for 5000.
const MOST_CAUSES = 100;

/**
 * Cuts the chain of causes of an error where it is very long or leads back to itself. Node follows it to tell the main
 * thread what a thread crashed by: Node 20 round and round, for half a minute, and then the main thread crashes as well.
 */
export function cutCauses(thrown: unknown): void {
  const seen = new Set<unknown>();
  for (let error = thrown; typeof error === 'object' && error !== null;) {
    seen.add(error);
    const cause = fieldOf(error, 'cause');
    if (seen.has(cause) || seen.size > MOST_CAUSES) {
      hide(error);
      return;
    }
    error = cause;
  }
}

function hide(error: object): void {
  try {
    Reflect.defineProperty(error, 'cause', { value: undefined, configurable: true, writable: true });
  } catch {
    // A proxy may refuse it.
  }
}

/** Keeps what this thread may crash by fit to be told. */
export function tameCrashes(): void {
  explainListenErrors();
  // A listener of its own kind: whether the exception is caught is up to the user's.
  process.on('uncaughtExceptionMonitor', cutCauses);
}
