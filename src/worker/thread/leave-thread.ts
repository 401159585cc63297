/** The end of a worker's thread: it exits once no work of user code is under way. */
import { Server } from 'node:net';
import { MessagePort } from 'node:worker_threads';
import { type Millis } from '../../common/core/types.ts';
import { activeHandles } from '../../common/boot/active-handles.ts';

/** Ends the thread in order. */
export function leaveThread(): void {
  // On pools too, where returning from the task would be the usual way: they answer it with terminate(), which
  // skips the user's exit handlers, gives code 1, and comes from a timer that does not hold the process.
  process.exit(0);
}

const LOOK_EVERY: Millis = 5;

// Work that Node does not name, as compressing, shows by what is read and written in between: long enough for that.
const QUIET_LOOKS = 20;

/**
 * Ends the thread in order, once nothing of the user's is under way in it any more: files that are written, names that are
 * looked up, connections of its own. After `limit` it ends in spite of that. Resources that may last for
 * ever are not waited for: ports, servers, timers, watchers.
 */
export function leaveWhenDone(limit: Millis): void {
  if (limit === 0) leaveThread();
  const until = performance.now() + limit;
  let quiet = 0;
  let told = false;
  // Node emits it when nothing holds the thread any more, and once more after what its listeners begin then. (Left to
  // itself, a module that waits at its top for ever would end with code 13 and a warning.)
  process.prependListener('beforeExit', () => {
    if (told) leaveThread();
    told = true;
    quiet = 0;
    setImmediate(() => undefined);
  });
  const look = (): void => {
    letGo();
    quiet = isQuiet() ? quiet + 1 : 0;
    const done = quiet >= QUIET_LOOKS;
    if (performance.now() >= until || (done && (told || !hasListeners()))) leaveThread();
    // Node does not tell, for a timer or the like is left.
    else if (done) process.emit('beforeExit', 0);
  };
  setInterval(look, LOOK_EVERY).unref();
  letGo();
}

// Of the user's, that is: the first is ours.
const hasListeners = (): boolean => process.listenerCount('beforeExit') > 1;

/** Ports and servers hold the thread no longer. */
function letGo(): void {
  // While output waits for the main thread, Node's own port holds the thread for it.
  if (isPrinting()) return;
  // Where Node does not tell of them, `isQuiet` ends the waiting.
  for (const handle of activeHandles())
    if (handle instanceof MessagePort || handle instanceof Server) handle.unref();
}

const MAY_LAST: readonly string[] = [
  'Timeout',
  'MessagePort',
  'TCPServerWrap',
  'UDPWrap',
  'FSEventWrap',
  'StatWatcher',
];
const mayLast = (name: string): boolean => MAY_LAST.includes(name);

/** Whether only resources that may last for ever hold the thread. Where no named resource does, Node itself tells. */
function isQuiet(): boolean {
  const names = process.getActiveResourcesInfo();
  return names.length > 0 && names.every(mayLast) && !isPrinting();
}

const isPrinting = (): boolean => process.stdout.writableLength + process.stderr.writableLength > 0;
