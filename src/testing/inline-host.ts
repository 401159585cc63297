/** The thread host of tests, whose workers have no threads of their own. Runs in the thread of the test. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Clock } from '../common/core/clock.ts';
import { isError } from '../common/core/thrown.ts';
import { type Millis, type WorkerId } from '../common/core/types.ts';
import { type Thread, type ThreadExit, type ThreadHost, type ThreadSpec } from '../main/threads/host.ts';
import { InlineThread } from './inline-thread.ts';

/** The fault of the next births: their module throws, or is never ready. */
export interface BootFate {
  readonly kind: 'fail' | 'hang';
  readonly error?: unknown;
  /** How many births. */
  times: number;
}

export type Load = (url: string) => unknown;

export interface InlineHostOptions {
  readonly clock: Clock;
  /** Default: Node imports it. */
  readonly load?: Load | undefined;
  /** How long a module that is loaded may wait in real time before it serves. */
  readonly serveTimeout: Millis;
}

const nativeImport: Load = (url) => import(url);

const require = createRequire(import.meta.url);

// Over all preforks of the process: a module once loaded is never loaded again.
let instances = 0;

// One after the other, also of several preforks: a module that two workers wait for at once would go on as the code of
// only one of them.
let loads: Promise<void> = Promise.resolve();

/** Runs workers in this very thread. */
export class InlineHost implements ThreadHost {
  readonly name = 'inline';
  readonly #options: InlineHostOptions;
  readonly #threads = new Set<InlineThread>();
  readonly #gone: InlineThread[] = [];
  readonly #fates: BootFate[] = [];
  #loading = 0;
  #stirs = 0;

  constructor(options: InlineHostOptions) {
    this.#options = options;
  }

  /** Counts up with whatever moves in the workers. */
  get stirs(): number {
    return this.#stirs;
  }

  /** Modules that are being loaded, or wait for that. */
  get loading(): number {
    return this.#loading;
  }

  /** The workers that have not ended. */
  get threads(): readonly InlineThread[] {
    return [...this.#threads];
  }

  /** The handlers that have not ended, in words. */
  get pending(): readonly string[] {
    return this.threads.flatMap(({ pending }) => pending);
  }

  /** The things with which workers that have ended hold the process, in words; told once. */
  takeLeft(): readonly string[] {
    return this.#gone.splice(0).flatMap((thread) => thread.takeLeft());
  }

  /** Whether one of those that leave still runs its `workerStopping`. */
  get stopping(): boolean {
    return this.pending.some((call) => call.startsWith('workerStopping '));
  }

  /** Things that the code of workers has opened hold the process no longer. */
  letGo(): void {
    for (const thread of [...this.#threads, ...this.#gone]) thread.letGo();
  }

  /** Decides on births to come, after those that are decided already. */
  destine(fate: BootFate): void {
    this.#fates.push(fate);
  }

  /** Births to come boot again. */
  heal(): void {
    this.#fates.length = 0;
  }

  start(spec: ThreadSpec, exited: (exit: ThreadExit) => void): Thread {
    let booted = (): void => undefined;
    const boot = new Promise<void>((resolve) => {
      booted = resolve;
    });
    const thread: InlineThread = new InlineThread({
      id: workerIdOf(spec.boot.settings),
      spec,
      loadedAs: instanceOf(spec.boot.url),
      clock: this.#options.clock,
      stir: () => {
        this.#stirs += 1;
      },
      booted,
      exited: (exit) => {
        this.#threads.delete(thread);
        if (thread.mayHaveLeft) this.#gone.push(thread);
        exited(exit);
      },
    });
    this.#threads.add(thread);
    this.#boot(thread, spec.boot.url, boot);
    return thread;
  }

  #boot(thread: InlineThread, url: string, booted: Promise<void>): void {
    const fate = this.#nextFate();
    if (fate?.kind === 'hang') return;
    const { load = nativeImport, serveTimeout } = this.#options;
    const found: Load = fate ? () => Promise.reject(errorOf(fate)) : load;
    this.#loading += 1;
    loads = loads.then(async () => {
      if (!thread.ended) {
        forgetCommonJs(url);
        void thread.load(found, serveTimeout);
        await booted;
      }
      this.#loading -= 1;
      this.#stirs += 1;
    });
  }

  #nextFate(): BootFate | undefined {
    const [fate] = this.#fates;
    if (fate === undefined) return undefined;
    fate.times -= 1;
    if (fate.times <= 0) this.#fates.shift();
    return fate;
  }
}

function workerIdOf(settings: unknown): WorkerId {
  const id: unknown =
    typeof settings === 'object' && settings !== null && 'id' in settings ? settings.id : undefined;
  return typeof id === 'number' ? id : 0;
}

// Each worker loads a module of its own, as in a thread; what that imports is shared.
function instanceOf(url: string): string {
  instances += 1;
  if (url.startsWith('data:')) return `${url}#${instances}`;
  const own = new URL(url);
  own.search += `${own.search === '' ? '?' : '&'}forkless-worker=${instances}`;
  return own.href;
}

// Of CommonJS the query does not make another one.
function forgetCommonJs(url: string): void {
  if (!url.startsWith('file:')) return;
  const path = fileURLToPath(url);
  if (path in require.cache) Reflect.deleteProperty(require.cache, path);
}

const errorOf = ({ error }: BootFate): Error =>
  isError(error) ? error : new Error('made to fail by the test');
