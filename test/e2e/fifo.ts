import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Something to be stuck in: a thread that reads it cannot be terminated until it is released. */
export class Fifo {
  readonly #folder = mkdtempSync(join(tmpdir(), 'forkless-'));
  readonly path: string = join(this.#folder, 'fifo');

  constructor() {
    execFileSync('mkfifo', [this.path]);
  }

  /** Lets everybody go who reads it. */
  release(): void {
    try {
      closeSync(openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Nobody reads it.
    }
  }

  remove(): void {
    this.release();
    rmSync(this.#folder, { recursive: true });
  }
}
