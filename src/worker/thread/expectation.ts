import { LATE_CALL } from '../../common/core/module-call.ts';
import { type BootData, type BootSlot } from '../../common/boot/boot-data.ts';

const LOOK_EVERY = 250;
const QUIET_LOOKS = 4;

/**
 * Waits in a thread for its module to call `serve()`. Once the module is loaded, or has come by other calls of `prefork()`
 * than its own, and nothing is under way for a second that could still make that call, `failed` is told why. (A thread
 * that only Node holds ends by itself then; a pool's does not.)
 */
export class Expectation {
  readonly #boot: BootData & Pick<BootSlot, 'calls' | 'serves'>;
  readonly #failed: (error: Error) => void;
  /** What the thread has under way without the module. */
  readonly #before = process.getActiveResourcesInfo().length;
  #isLoaded = false;
  #quiet = 0;
  readonly #timer: NodeJS.Timeout;
  readonly loaded = (): void => {
    this.#isLoaded = true;
  };

  constructor(boot: BootData, failed: (error: Error) => void) {
    this.#boot = boot;
    this.#failed = failed;
    // Does not hold the thread, and so is not under way itself.
    this.#timer = setInterval(this.#look, LOOK_EVERY).unref();
  }

  readonly #look = (): void => {
    const { serves = false, calls = 0 } = this.#boot;
    const mayWait = this.#isLoaded || calls > 0;
    this.#quiet = mayWait && process.getActiveResourcesInfo().length <= this.#before ? this.#quiet + 1 : 0;
    if (!serves && this.#quiet < QUIET_LOOKS) return;
    clearInterval(this.#timer);
    if (!serves) this.#failed(new Error(reasonFor(calls)));
  };
}

const reasonFor = (calls: number): string =>
  calls === 0
    ? 'it never called serve(), serveHttp() or prefork(), and nothing is under way that could. What a module exports is not served by itself'
    : `its call of prefork() never came, only ${calls === 1 ? 'another' : `${calls} others`}. ${LATE_CALL}`;
