/** The watch over a pool's thread whose module has not called `serve()` yet. */
import { MessagePort } from 'node:worker_threads';
import { HOW_TO_PLACE_CALLS } from '../../common/core/module-call.ts';
import { fieldOf, numberOf, textOf } from '../../common/core/thrown.ts';
import { type Millis } from '../../common/core/types.ts';
import { activeHandles } from '../../common/boot/active-handles.ts';
import { type BootData, type BootSlot } from '../../common/boot/boot-data.ts';

const LOOK_EVERY: Millis = 250;
const QUIET_LOOKS = 4;

// Work that Node names may lead to `serve()`, as a connection to a database. That takes this long at most in most programs.
const LATE: Millis = 10_000;

/** Node's own exit code where the top level of a module waits for what nothing settles any more. */
const UNSETTLED = 13;

/** What holds a thread for ever, and leads to no call of `serve()` by itself. */
const LASTING: readonly string[] = ['MessagePort', 'TCPServerWrap', 'UDPWrap', 'FSEventWrap', 'StatWatcher'];

/**
 * Waits in a thread for its module to call `serve()`. A pool's own ports hold its thread. They are let go once the module is
 * loaded, or has done nothing for a second: where nothing else holds the thread then, it ends, as one of Node's own does, and its boot has failed at once.
 * Where something does, a process warning says so, once for all workers of a generation: after a second where it only waits
 * for what others do, such as a server that listens, else after `LATE`. A worker that has come by other calls of `prefork()`
 * than its own is given up: `failed` is told why.
 */
export class Expectation {
  readonly #boot: BootData & Pick<BootSlot, 'passed' | 'serves'>;
  readonly #failed: (error: Error) => void;
  readonly #begin = performance.now();
  /** How much the thread has under way without the module. */
  readonly #before = process.getActiveResourcesInfo().length;
  readonly #ports = activeHandles().filter((handle) => handle instanceof MessagePort);
  readonly #timer: NodeJS.Timeout;
  #isLoaded = false;
  #isTold = false;
  #quiet = 0;
  readonly loaded = (): void => {
    this.#isLoaded = true;
    this.#quiet = 0;
    this.#settled();
    // The module of other calls is told of these.
    if (!this.#serves && this.#passed.length === 0) this.#letGo();
  };

  constructor(boot: BootData, failed: (error: Error) => void) {
    this.#boot = boot;
    this.#failed = failed;
    // Does not hold the thread.
    this.#timer = setInterval(this.#look, LOOK_EVERY).unref();
  }

  get #serves(): boolean {
    return this.#boot.serves === true;
  }

  get #passed(): readonly string[] {
    return this.#boot.passed ?? [];
  }

  readonly #look = (): void => {
    if (this.#serves) this.#end();
    else if (this.#isQuiet()) this.#rests();
    else if (this.#age >= this.#late) this.#tell();
  };

  #end(): void {
    clearInterval(this.#timer);
    this.#settled();
    for (const port of this.#ports) port.ref();
  }

  #rests(): void {
    if (this.#passed.length > 0) {
      clearInterval(this.#timer);
      this.#failed(new Error(neverCame(this.#boot, this.#passed)));
    } else if (this.#isLoaded || this.#age >= this.#late) this.#tell();
    else {
      process.exitCode ??= UNSETTLED;
      this.#letGo();
    }
  }

  #settled(): void {
    if (process.exitCode === UNSETTLED) process.exitCode = undefined;
  }

  // From here on the thread ends by itself when nothing of the module's holds it.
  #letGo(): void {
    for (const port of this.#ports) port.unref();
  }

  get #age(): Millis {
    return performance.now() - this.#begin;
  }

  get #late(): Millis {
    return Math.min(LATE, (this.#boot.terms?.bootTimeout ?? Infinity) / 2);
  }

  #isQuiet(): boolean {
    const names = process.getActiveResourcesInfo();
    const waits = this.#isLoaded && this.#passed.length === 0;
    // Where nothing that Node names holds a thread that was let go, something does that it does not name.
    const isIdle = waits
      ? names.length > 0 && names.every((name) => LASTING.includes(name))
      : names.length <= this.#before;
    this.#quiet = isIdle ? this.#quiet + 1 : 0;
    return this.#quiet >= QUIET_LOOKS;
  }

  #tell(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const { url, settings, terms } = this.#boot;
    const generation = numberOf(settings, 'generation') ?? 0;
    if (terms && Atomics.exchange(terms.told, 0, generation) === generation) return;
    const left = terms && Math.max(0, terms.bootTimeout - this.#age);
    process.emitWarning(this.#isLoaded ? neverServes(url, left) : neverLoaded(url, left), {
      type: 'ForklessWarning',
      code: 'FORKLESS_NEVER_SERVES',
    });
  }
}

function placeIn(settings: unknown): string {
  const at = textOf(fieldOf(settings, 'call'), 'at') ?? '';
  return at === '' ? '' : ` at ${at}`;
}

const neverCame = ({ settings }: BootData, passed: readonly string[]): string =>
  `its call of prefork()${placeIn(settings)} never came, only ${passed.length === 1 ? 'another' : 'others'} (${[...new Set(passed)].join(', ')}). ${HOW_TO_PLACE_CALLS}`;

const neverServes = (url: string, left: Millis | undefined): string =>
  `The worker module ${url} is loaded and has not called serve(), serveHttp() or prefork()${unless(left)}. What it exports is not served by itself, and a server that it lets listen gets none of the prefork's connections`;

const neverLoaded = (url: string, left: Millis | undefined): string =>
  `The worker module ${url} still waits at its top level, and has not called serve(), serveHttp() or prefork()${unless(left)}`;

const unless = (left: Millis | undefined): string =>
  left === undefined
    ? ''
    : `. Unless it does so within ${Math.ceil(left / 1_000)} s (\`bootTimeout\`), its boot fails`;
