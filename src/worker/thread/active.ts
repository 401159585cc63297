/** What holds a thread, by names that Node keeps for itself. */

/**
 * The handles that are open in this thread. Nothing else knows the ports that a pool's thread waits by. Empty on a Node
 * that does not tell.
 */
export function activeHandles(): readonly unknown[] {
  const list: unknown = Reflect.get(process, '_getActiveHandles');
  const handles: unknown = typeof list === 'function' ? Reflect.apply(list, process, []) : [];
  return Array.isArray(handles) ? handles : [];
}
