/** The module that a pool loads into its thread. It makes a worker of that thread, and loads the user's module. */

// Built into one CommonJS file of its own: piscina tries `require()` first, and a thread that is terminated while Node
// requires an ES module takes the whole process with it (a fatal error in Node 20 to 26). While it imports one, as the
// user's, it merely ends.
import { type BootData, fillBootSlot } from '../../common/boot/boot-data.ts';
import { guardParentPort } from './parent-port.ts';
import { placeSyntaxError } from './syntax-place.ts';
import { tameCrashes } from './tame-crash.ts';
import { Expectation } from './expectation.ts';

// As an uncaught exception the error reaches the main thread the way it does on Node's own Worker, with its code;
// as a rejection of the task it would be cloned without.
function crash(thrown: unknown): void {
  process.nextTick(() => {
    throw thrown;
  });
}

/** The task of a pool's one thread. Never settles: the thread ends by leaving, crashing or being terminated. */
export default function enter(boot: BootData): Promise<never> {
  fillBootSlot(boot);
  guardParentPort(boot);
  tameCrashes();
  const expectation = new Expectation(boot, crash);
  import(boot.url).then(expectation.loaded, async (thrown: unknown) => {
    await placeSyntaxError(thrown, boot.url);
    crash(thrown);
  });
  return new Promise<never>(() => undefined);
}
