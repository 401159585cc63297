/** What holds a thread, as Node knows it. Used in both threads. */

/**
 * The handles that are open in this thread. Nothing else knows the ports that a pool's thread waits by, and the
 * servers of other code. Empty on a Node that does not tell.
 */
export function activeHandles(): readonly unknown[] {
  const list: unknown = Reflect.get(process, '_getActiveHandles');
  const handles: unknown = typeof list === 'function' ? Reflect.apply(list, process, []) : [];
  return Array.isArray(handles) ? handles : [];
}
