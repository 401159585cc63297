/** The clock that shows the same time in all threads. Used in both threads. */

/**
 * Milliseconds on a monotonic clock that all threads of the process share; `performance.now()` counts from the start of
 * each.
 */
export function sharedNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
