/** The `parentPort` of workers that have no threads of their own. Runs in the thread of the test. */
import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { type Transfer, type TransferGiven } from '../common/boot/boot-data.ts';

type Post = (value: unknown, transfer?: TransferGiven) => void;

const nothing = (): void => undefined;

/**
 * Gives workers without a thread the `parentPort` of one: what they post goes to `find()`. What others post goes to the
 * real one, where there is one. Returns how to undo it.
 */
export function lendParentPort(find: () => Post | undefined): () => void {
  const threads = process.getBuiltinModule('node:worker_threads');
  const real = threads.parentPort;
  if (real !== null) {
    const before = Object.getOwnPropertyDescriptor(real, 'postMessage');
    const own = real.postMessage.bind(real);
    const postMessage = (value: unknown, transfer?: Transfer): void => {
      (find() ?? own)(value, transfer);
    };
    Object.defineProperty(real, 'postMessage', { value: postMessage, configurable: true, writable: true });
    return () => {
      Reflect.deleteProperty(real, 'postMessage');
      if (before) Object.defineProperty(real, 'postMessage', before);
    };
  }
  const postMessage: Post = (value, transfer) => find()?.(value, transfer);
  const lent = Object.assign(new EventEmitter(), {
    postMessage,
    start: nothing,
    close: nothing,
    ref: nothing,
    unref: nothing,
  });
  setParentPort(lent);
  return () => {
    if (threads.parentPort === (lent as unknown)) setParentPort(null);
  };

  function setParentPort(port: object | null): void {
    Reflect.set(threads, 'parentPort', port);
    // Names that were imported follow.
    syncBuiltinESMExports();
  }
}
