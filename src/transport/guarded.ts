import { Duplex } from 'node:stream';

/** Destroys a stream, also one of which `destroy` itself throws. */
export function destroyStream(stream: Duplex, cause?: unknown): void {
  const error = cause instanceof Error ? cause : undefined;
  try {
    stream.destroy(error);
  } catch {
    Duplex.prototype.destroy.call(stream, error);
  }
}

/** Calls a stream that may be the user's own, and throw: that concerns its connection alone, not the worker's others. */
export function guarded(stream: Duplex, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    destroyStream(stream, error);
  }
}

/**
 * Runs user code in the midst of ours, in a worker. What it throws is an uncaught exception as anywhere; but where the
 * user has caught those, ours goes on, for what is still to be read and sent belongs to other connections.
 */
export function isolated(userCode: () => void): void {
  try {
    userCode();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
