import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';

/** All that run, so that nothing outlives the runner. @type {Set<Child>} */
const children = new Set();

/** Kills every child with all that it has started. */
export function killAll() {
  for (const child of children) child.kill();
}

/** A Node program as a process group of its own, with messages as events by the name of their `event` or first key. */
export class Child extends EventEmitter {
  #errors = '';
  #ended = false;

  /**
   * @param {URL} program
   * @param {{ args?: readonly string[], env?: NodeJS.ProcessEnv }} [options]
   */
  constructor(program, { args = [], env = {} } = {}) {
    super();
    this.name = program.pathname.replace(/^.*\//, '');
    // A group: a cluster worker that hangs would survive its primary. Exposed, so that memory is measured without garbage.
    this.process = fork(program, args, {
      detached: true,
      execArgv: ['--expose-gc'],
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    children.add(this);
    this.process.stderr?.on('data', (text) => (this.#errors = (this.#errors + text).slice(-4_000)));
    this.process.on('message', (message) => this.emit('message', message));
    this.process.on('exit', (code, signal) => {
      this.#ended = true;
      children.delete(this);
      this.emit('gone', new Error(`${this.name} ended with ${signal ?? code}. ${this.#errors}`.trim()));
    });
    this.process.on('error', (error) => this.emit('gone', error));
  }

  get pid() {
    return /** @type {number} */ (this.process.pid);
  }

  /**
   * The first message that passes; rejects when the child ends before, or after `within` ms.
   * @param {(message: any) => boolean} passes
   * @param {number} within
   * @returns {Promise<any>}
   */
  expect(passes, within) {
    return new Promise((resolve, reject) => {
      const settle = (/** @type {() => void} */ how) => {
        clearTimeout(timer);
        this.off('message', see);
        this.off('gone', fail);
        how();
      };
      const see = (/** @type {unknown} */ message) => {
        if (passes(message)) settle(() => resolve(message));
      };
      const fail = (/** @type {Error} */ error) => settle(() => reject(error));
      const timer = setTimeout(
        () => fail(new Error(`${this.name} gave no answer within ${within} ms`)),
        within,
      );
      this.on('message', see);
      this.on('gone', fail);
    });
  }

  /** @param {unknown} message */
  send(message) {
    this.process.send(/** @type {import('node:child_process').Serializable} */ (message), () => undefined);
  }

  kill() {
    if (this.#ended) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Where there are no process groups, or the child has just ended by itself.
      this.process.kill('SIGKILL');
    }
  }

  /** Kills it and waits until it has gone. */
  async stop() {
    if (this.#ended) return;
    const gone = once(this, 'gone');
    this.kill();
    await gone;
  }
}
