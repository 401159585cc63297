/** The master session of PreforkTCP, which controls the prefork. Runs in the main thread. */
import { constants } from 'node:os';
import { errors } from '../common/core/errors.ts';
import { isError, messageOf, show, textOf } from '../common/core/thrown.ts';
import { type Prefork } from '../main/prefork/prefork.ts';
import { Call } from './call.ts';
import { Sessions, type Target } from './sessions.ts';
import { EventQueue } from './event-queue.ts';
import { Kernel } from './kernel.ts';
import { type MasterHeap, RunningParameters } from './master-heap.ts';
import { type AnyParameters } from './parameters.ts';
import { systemError } from './system-error.ts';

const EVENTS = ['shutdown', 'shutdown_all', 'pause', 'resume', 'set_concurrency'];

/**
 * The result of `PreforkTCP` in the main thread: the master's and the listener's session in one. Its events, by either
 * alias: `shutdown` with the number of a worker retires that one; without, and `shutdown_all`, closes everything
 * gracefully. `pause` and `resume` are for the whole server, or with a number for that worker. `set_concurrency` takes the new number.
 */
export class Master implements Target {
  /** The same server in this package's own terms. */
  readonly prefork: Prefork;
  readonly ID: string;
  readonly heap: MasterHeap;
  readonly kernel: Kernel;
  readonly queue: EventQueue;
  readonly #running: RunningParameters;
  readonly #parameters: AnyParameters;
  readonly #warn: (text: string) => void;

  /** @internal */
  constructor(prefork: Prefork, parameters: AnyParameters, maxEvents: number, warn: (text: string) => void) {
    this.prefork = prefork;
    this.ID = parameters.MasterAlias ?? 'prefork_master';
    this.#parameters = parameters;
    this.#running = new RunningParameters(prefork, parameters, warn);
    this.queue = new EventQueue(maxEvents);
    const alias = parameters.Alias ?? 'prefork_server';
    const sessions = new Sessions();
    for (const name of [this.ID, alias]) sessions.add(name, this);
    this.kernel = new Kernel(0, this, sessions);
    this.heap = this.#makeHeap(alias);
    this.#warn = warn;
    this.#listenFor(prefork);
    // A birth comes before any connection can be offered.
    if (parameters.Concurrency === 0) {
      prefork.once('workerSpawned', () => {
        prefork.pause();
      });
    }
  }

  /** @internal It listens, and the first worker is ready. */
  started(): void {
    this.#run('Started', this.#parameters.ListenerArgs ?? []);
  }

  /** @internal Listening failed; it is rejected as well. */
  failed(error: unknown): void {
    const syscall = textOf(error, 'syscall');
    if (isError(error) && syscall !== undefined) this.#run('Error', this.#errorArgs(syscall, error));
  }

  #listenFor(prefork: Prefork): void {
    prefork.on('acceptError', ({ error }) => {
      const args = this.#errorArgs('accept', error);
      if (args[1] === constants.errno.ECONNABORTED) return;
      if (this.#parameters.Error !== undefined) this.#run('Error', args);
      else this.#warn(`got accept error ${args[1]} (${args[2]})`);
    });
    prefork.once('closed', () => {
      try {
        this.#run('Stopped', []);
      } finally {
        this.queue.close();
      }
    });
  }

  #errorArgs(syscall: string, error: Error): readonly [string, number, string, number] {
    const { errnum, errstr } = systemError(textOf(error, 'code'), messageOf(error));
    return [syscall, errnum, errstr, 0];
  }

  #run(state: 'Started' | 'Stopped' | 'Error', args: readonly unknown[]): void {
    const { heap, kernel } = this;
    const call = new Call({ heap, kernel, session: this, sender: this, state, object: undefined, args });
    this.#parameters[state]?.(call as never);
  }

  check(event: string): void {
    if (EVENTS.includes(event)) return;
    throw errors.badParameter(`has no event "${event}" of ${this.ID}; known are: ${EVENTS.join(', ')}`);
  }

  dispatch(event: string, args: readonly unknown[]): unknown {
    const [argument] = args;
    switch (event) {
      case 'shutdown':
        if (argument === undefined) return this.prefork.close();
        this.prefork.retire(numberOf(argument));
        return undefined;
      case 'shutdown_all':
        return this.prefork.close();
      case 'pause':
        this.prefork.pause(argument === undefined ? undefined : numberOf(argument));
        return undefined;
      case 'resume':
        this.prefork.resume(argument === undefined ? undefined : numberOf(argument));
        return undefined;
      default:
        this.#setConcurrency(numberOf(argument));
        return undefined;
    }
  }

  // From none to some and back; a pause that somebody asked for stays one.
  #setConcurrency(next: number): void {
    const before = this.#running.concurrency;
    this.#running.change({ Concurrency: next });
    if (next === 0) this.prefork.pause();
    else if (before === 0) this.prefork.resume();
  }

  deliver(event: string, args: readonly unknown[]): void {
    try {
      this.dispatch(event, args);
    } catch (error) {
      // A posted event has no caller any more: a worker that is gone, or a server that is closed, meanwhile.
      this.#warn(`could not handle ${event}: ${messageOf(error)}`);
    }
  }

  #makeHeap(alias: string): MasterHeap {
    const { prefork } = this;
    const running = this.#running;
    const heap = {
      master_alias: this.ID,
      alias,
      listener: { getsockname: () => prefork.address() },
      get connections(): number {
        return prefork.status().connections.open;
      },
      get concurrency(): number {
        return running.concurrency;
      },
    };
    running.define(heap);
    // The rest of its fields were just defined.
    return heap as unknown as MasterHeap;
  }
}

function numberOf(argument: unknown): number {
  if (typeof argument === 'number') return argument;
  throw errors.badParameter(`needs a number with that event, got ${show(argument)}`);
}
