/** The watch over a pool's thread whose module has not called `serve()` yet. */
import { HOW_TO_PLACE_CALLS } from '../../common/core/module-call.ts';
import { fieldOf, textOf } from '../../common/core/thrown.ts';
import { type BootData, type BootSlot } from '../../common/boot/boot-data.ts';

const LOOK_EVERY = 250;
const QUIET_LOOKS = 4;

/**
 * Waits in a thread for its module to call `serve()`. A pool's own port holds its thread, so a module that never does so would
 * only be known by `bootTimeout`. Once it is loaded and nothing that Node names is under way for a second, a process warning
 * says so; it may still serve, for Node does not name all that may be under way (a hash, a compression). A worker that has
 * come by other calls of `prefork()` than its own is given up: `failed` is told why.
 */
export class Expectation {
  readonly #boot: BootData & Pick<BootSlot, 'passed' | 'serves'>;
  readonly #failed: (error: Error) => void;
  /** The number of resources that the thread has without the module. */
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
    const { serves = false, passed = [] } = this.#boot;
    const mayWait = this.#isLoaded || passed.length > 0;
    this.#quiet = mayWait && process.getActiveResourcesInfo().length <= this.#before ? this.#quiet + 1 : 0;
    if (!serves && this.#quiet < QUIET_LOOKS) return;
    clearInterval(this.#timer);
    if (serves) return;
    if (passed.length > 0) this.#failed(new Error(neverCame(this.#boot, passed)));
    else
      process.emitWarning(neverServes(this.#boot.url), {
        type: 'ForklessWarning',
        code: 'FORKLESS_NEVER_SERVES',
      });
  };
}

function placeIn(settings: unknown): string {
  const at = textOf(fieldOf(settings, 'call'), 'at') ?? '';
  return at === '' ? '' : ` at ${at}`;
}

const neverCame = ({ settings }: BootData, passed: readonly string[]): string =>
  `its call of prefork()${placeIn(settings)} never came, only ${passed.length === 1 ? 'another' : 'others'} (${[...new Set(passed)].join(', ')}). ${HOW_TO_PLACE_CALLS}`;

const neverServes = (url: string): string =>
  `The worker module ${url} is loaded and has not called serve(), serveHttp() or prefork(). What a module exports is not served by itself. If it never does, its boot fails at \`bootTimeout\``;
