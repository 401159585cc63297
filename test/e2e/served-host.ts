import { type PreforkOptions, type PreforkStatus } from 'forkless';
import { fileURLToPath } from 'node:url';
import { handlers } from './peers.ts';
import { Program } from './program.ts';

export interface HostStatus extends PreforkStatus {
  readonly rss: number;
  /** JS heap of the main thread and memory outside of it that JavaScript holds, after a collection; bytes. */
  readonly kept: number;
  /** What holds its event loop, by Node's names. */
  readonly resources: Readonly<Record<string, number>>;
  /** The longest time without a worker that was ready, milliseconds. */
  readonly longestLack: number;
}

export interface Memory {
  /** All pages of the process, with what was freed and not given back to the system. */
  readonly rss: number;
  /** JS heap of all threads, and memory outside of it that JavaScript holds. */
  readonly kept: number;
}

// The memory of a Buffer that is freed goes back to the system at once (glibc): otherwise its pages stay, and how many those
// are is a matter of when garbage was collected.
const GIVES_BACK = { MALLOC_MMAP_THRESHOLD_: '32768', MALLOC_TRIM_THRESHOLD_: '65536' };

/** A prefork in a process of its own (`handlers/host.mjs`), so that its memory can be told from that of its clients. */
export class ServedHost {
  readonly program: Program;
  #port = 0;
  #asked = 0;

  /** `files`: the most file descriptors that it may have. */
  constructor(worker: string, options: PreforkOptions, env: NodeJS.ProcessEnv = {}, files = 4_000) {
    const program = fileURLToPath(handlers('host'));
    const collects = handlers('collects').href;
    this.program = new Program(
      '/bin/sh',
      [
        '-c',
        `ulimit -n ${files}; exec '${process.execPath}' --expose-gc --import '${collects}' '${program}'`,
      ],
      { WORKER: worker, OPTIONS: JSON.stringify(options), ...GIVES_BACK, ...env },
    );
  }

  get port(): number {
    return this.#port;
  }

  async up(): Promise<this> {
    const [, said = ''] = await this.program.until(/^port (\d+)$/m);
    this.#port = Number(said);
    return this;
  }

  /** Calls a method of the prefork or a command of the program; rejects with what that threw. */
  async call(command: string, argument?: unknown): Promise<unknown> {
    const number = (this.#asked += 1);
    const given = argument === undefined ? '' : JSON.stringify(argument);
    this.program.process.stdin.write(`${number} ${command} ${given}\n`);
    const [, how, answer = ''] = await this.#until(
      new RegExp(`^(answer|refused) ${number} (.*)\\r?\\n`, 'm'),
    );
    const said: unknown = JSON.parse(answer);
    if (how === 'answer') return said;
    throw Object.assign(new Error(`${command} was refused`), said);
  }

  async #until(pattern: RegExp): Promise<RegExpExecArray> {
    try {
      return await this.program.until(pattern);
    } catch {
      // Not all that it has said: that may be megabytes.
      const how = await this.program.exited;
      throw new Error(`the host ended with ${how}: ${this.program.said.slice(-3_000)}`);
    }
  }

  async status(): Promise<HostStatus> {
    // The program sends exactly this.
    return (await this.call('status')) as HostStatus;
  }

  /** Its memory, in bytes, when all its threads have collected their garbage. No worker may be blocked. */
  async memory(): Promise<Memory> {
    // The program sends exactly this.
    return (await this.call('memory')) as Memory;
  }

  /** The status once it is as wanted. */
  async until(met: (status: HostStatus) => boolean, every = 20): Promise<HostStatus> {
    for (;;) {
      const status = await this.status();
      if (met(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, every));
    }
  }
}
