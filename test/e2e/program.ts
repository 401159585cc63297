import { spawn, type ChildProcessByStdio, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { type Readable, type Writable } from 'node:stream';

/** A program in a process of its own, and what it has said. Ends when its input ends, or when it is told to. */
export class Program {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  said = '';
  readonly exited: Promise<number | string>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, extra: number[] = []) {
    const stdio = ['pipe', 'pipe', 'pipe', ...extra] as unknown as StdioOptions;
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio });
    // The first three are pipes, whatever `extra` adds.
    this.process = child as unknown as ChildProcessByStdio<Writable, Readable, Readable>;
    this.process.stdin.on('error', () => undefined);
    this.process.stdout.on('data', (text) => (this.said += String(text)));
    this.process.stderr.on('data', (text) => (this.said += String(text)));
    this.exited = once(this.process, 'close').then(
      ([code, signal]: unknown[]) => (code ?? signal) as number | string,
    );
  }

  /** Resolves once it has said it; rejects when it ends before. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.said);
      if (found) return found;
      if (await this.#more()) continue;
      const last = pattern.exec(this.said);
      if (last) return last;
      throw new Error(`ended before ${String(pattern)}: ${this.said}`);
    }
  }

  // False once it has ended.
  #more(): Promise<boolean> {
    return new Promise((resolve) => {
      const { stdout, stderr } = this.process;
      const end = (more: boolean): void => {
        for (const stream of [stdout, stderr]) stream.off('data', heard);
        resolve(more);
      };
      const heard = (): void => {
        end(true);
      };
      for (const stream of [stdout, stderr]) stream.on('data', heard);
      void this.exited.then(() => {
        end(false);
      });
    });
  }

  /** Ends it, whatever it does. */
  async end(): Promise<void> {
    this.process.stdin.end();
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.exited;
  }
}
