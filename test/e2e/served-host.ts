import { type PreforkOptions, type PreforkStatus } from 'forkless';
import { fileURLToPath } from 'node:url';
import { handlers } from './peers.ts';
import { Program } from './program.ts';

export interface HostStatus extends PreforkStatus {
  readonly rss: number;
  /** The longest time without a worker that was ready, milliseconds. */
  readonly longestLack: number;
}

/** A prefork in a process of its own (`handlers/host.mjs`), so that its memory can be told from that of its clients. */
export class ServedHost {
  readonly program: Program;
  #port = 0;
  #asked = 0;

  constructor(worker: string, options: PreforkOptions, env: NodeJS.ProcessEnv = {}) {
    this.program = new Program(process.execPath, [fileURLToPath(handlers('host'))], {
      WORKER: worker,
      OPTIONS: JSON.stringify(options),
      ...env,
    });
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
    const [, how, answer = ''] = await this.program.until(
      new RegExp(`^(answer|refused) ${number} (.*)\\r?\\n`, 'm'),
    );
    const said: unknown = JSON.parse(answer);
    if (how === 'answer') return said;
    throw Object.assign(new Error(`${command} was refused`), said);
  }

  async status(): Promise<HostStatus> {
    // The program sends exactly this.
    return (await this.call('status')) as HostStatus;
  }

  /** The status once it is as wanted. */
  async until(met: (status: HostStatus) => boolean): Promise<HostStatus> {
    for (;;) {
      const status = await this.status();
      if (met(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
