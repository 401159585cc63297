// The option `signals`: how SIGINT and SIGTERM stop the preforks of a process.
import { type Millis, type WorkerId } from '../../common/core/types.ts';

const NAMES = ['SIGINT', 'SIGTERM'] as const;

// A terminal sends Ctrl-C to npm and to the program, and npm passes it on. So one press arrives twice.
const SAME_PRESS: Millis = 200;

// Time for what the program still does when its preforks have closed, such as ending its connection to a database.
const AFTERWARDS: Millis = 1_000;

// Most programs have ended by then, those that wait for idle HTTP clients too.
const SILENT: Millis = 1_500;

/** The workers and clients that a closing prefork still waits for. */
export interface Remainder {
  readonly workers: readonly unknown[];
  readonly connections: { readonly open: number };
  readonly closesIn: Millis | undefined;
}

/** The part of a prefork that signals need. */
export interface Closable {
  close(options?: { readonly grace?: Millis }): Promise<void>;
  once(event: 'closed', listener: (event: { readonly zombies: readonly WorkerId[] }) => void): unknown;
}

/** How a prefork with the option `signals` is stopped by the signals of its process. */
export interface Signals {
  /** Closes it at a signal, until it has closed. `remainder` is `undefined` where it has no workers yet. */
  heed(server: Closable, remainder: () => Remainder | undefined): void;
  /** Why a start failed; never settles where a signal has stopped it, since the process ends then. */
  unlessStopped(server: Closable, error: unknown): Promise<unknown>;
}

/**
 * Listens to the signals of this process, once for all preforks with the option. The first signal closes them all, and
 * the process ends when the last one has closed. A second signal ends the process at once.
 */
export class ProcessSignals implements Signals {
  readonly #open = new Map<Closable, () => Remainder | undefined>();
  readonly #stopped = new WeakSet<Closable>();
  #first: { readonly name: string; readonly at: Millis } | undefined;
  #zombies = 0;
  #silence: NodeJS.Timeout | undefined;

  heed(server: Closable, remainder: () => Remainder | undefined): void {
    if (this.#open.size === 0 && !this.#first) for (const name of NAMES) process.on(name, this.#heard);
    this.#open.set(server, remainder);
    server.once('closed', ({ zombies }) => {
      this.#zombies += zombies.length;
      this.#closed(server);
    });
    if (this.#first) this.#stop(server);
  }

  async unlessStopped(server: Closable, error: unknown): Promise<unknown> {
    if (this.#stopped.has(server)) await new Promise<never>(() => undefined);
    return error;
  }

  readonly #heard = (name: NodeJS.Signals): void => {
    const at = performance.now();
    if (!this.#first) {
      this.#first = { name, at };
      for (const server of this.#open.keys()) this.#stop(server);
      this.#silence = setTimeout(() => {
        this.#tell(name);
      }, SILENT).unref();
    } else if (name !== this.#first.name || at - this.#first.at > SAME_PRESS) {
      // The exit waits for a thread that is stuck in native code. A third signal then ends the process as Node would.
      this.#release();
      process.exit();
    }
  };

  #stop(server: Closable): void {
    this.#stopped.add(server);
    // The process is to end, whatever goes wrong here.
    server
      .close()
      .catch(() => server.close({ grace: 0 }))
      // The program may have taken off the listener of the event `closed`.
      .finally(() => {
        this.#closed(server);
      })
      .catch(() => undefined);
  }

  // A user who pressed Ctrl-C would think that the program hangs.
  #tell(name: string): void {
    const remainders = [...this.#open.values()].map((remainder) => remainder()).filter((each) => !!each);
    process.emitWarning(`${name}: ${inWords(remainders)}; a second signal ends the process at once`, {
      type: 'ForklessWarning',
      code: 'FORKLESS_STOPPING',
    });
  }

  #closed(server: Closable): void {
    if (this.#open.delete(server) && this.#open.size === 0) this.#allClosed();
  }

  #allClosed(): void {
    clearTimeout(this.#silence);
    if (!this.#first) {
      this.#release();
      return;
    }
    const end = (): void => {
      // An exit would wait for ever for a thread that cannot be ended.
      if (this.#zombies > 0) process.kill(process.pid, 'SIGKILL');
      else process.exit();
    };
    // Node emits this when nothing is left to do. Otherwise a module that waits for `prefork()` would end with code 13.
    process.once('beforeExit', end);
    setTimeout(end, AFTERWARDS).unref();
  }

  #release(): void {
    for (const name of NAMES) process.off(name, this.#heard);
  }
}

function inWords(remainders: readonly Remainder[]): string {
  const sumOf = (of: (remainder: Remainder) => number): number =>
    remainders.reduce((sum, remainder) => sum + of(remainder), 0);
  const clients = sumOf(({ connections }) => connections.open);
  const workers = sumOf((remainder) => remainder.workers.length);
  const what = clients > 0 ? count(clients, 'client') : `${count(workers, 'worker')} to leave`;
  const remaining = Math.max(0, ...remainders.map(({ closesIn = 0 }) => closesIn));
  return `waits for ${what}, ${remaining === Infinity ? 'without a limit' : `${Math.ceil(remaining / 1_000)} s more at most`}`;
}

const count = (many: number, thing: string): string => `${many} ${thing}${many === 1 ? '' : 's'}`;

/** One for the process. */
export const processSignals: Signals = new ProcessSignals();
