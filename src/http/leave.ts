/** The wait for a program that closes its server itself when its worker is to leave. Runs in a worker. */
import { getEventListeners } from 'node:events';
import { type Server } from 'node:net';
import { type Millis } from '../common/core/types.ts';

/** Whether the program does something of its own when its worker is to leave, as far as can be seen. */
export const takesPart = (signal: AbortSignal): boolean => getEventListeners(signal, 'abort').length > 0;

/**
 * Waits until the program has closed its server, at most `limit`. A library that ends servers gracefully looks at
 * intervals whether all connections have ended, and only then closes the server: by that time the worker would be gone.
 */
export async function closedByProgram(server: Server, limit: Millis): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, limit);
    server.once('close', () => {
      clearTimeout(timer);
      // What waits for the close too is told in this turn.
      setImmediate(resolve);
    });
  });
}
