/** The messages by which Node tells `node --watch` what a program loads. Used in both threads. */

/** Whether this program runs under `node --watch`. */
export const isWatched = (): boolean => process.env['WATCH_REPORT_DEPENDENCIES'] !== undefined;

/**
 * Whether a message is not the user's, but Node's own: from Node 24 on, a thread of a program under `node --watch` posts
 * to its parent what it loads. The parent's Node passes that on to the watcher.
 */
export const isWatchReport = (message: unknown): boolean =>
  typeof message === 'object' &&
  message !== null &&
  (isReportOf(message, 'watch:import') || isReportOf(message, 'watch:require'));

const isReportOf = (message: object, kind: string): boolean =>
  Array.isArray(Reflect.get(message, kind)) && Object.keys(message).length === 1;

/** Has the watcher restart this program when that module changes, which a worker is about to load. */
export function reportToWatcher(url: string): void {
  if (!isWatched() || !process.connected || !url.startsWith('file:')) return;
  // Without a callback, a watcher that has just gone would be an uncaught error.
  process.send?.({ 'watch:import': [url] }, undefined, undefined, () => undefined);
}
