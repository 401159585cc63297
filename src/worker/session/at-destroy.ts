/** Calls back when a stream is destroyed, in a way that user code cannot take off. */
import { type Duplex } from 'node:stream';

/**
 * Calls `run` when the stream is destroyed, at the moment at which Node's own servers count their connections. Not a
 * listener for `'close'`: a handler may take all of those off, as many do with a socket that they upgrade.
 */
export function atDestroy(stream: Duplex, run: () => void): void {
  const destroy = stream._destroy.bind(stream);
  Object.assign(stream, {
    _destroy: (error: Error | null, done: (error?: Error | null) => void): void => {
      run();
      destroy(error, done);
    },
  });
}
