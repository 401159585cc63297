// The queue that a pool of one thread is given, and the handle by which that pool keeps the process alive.

/** Something that can keep the process alive, or let it go. */
export interface Holder {
  ref(): unknown;
  unref(): unknown;
}

const isHolder = (value: unknown): value is Holder =>
  typeof value === 'object' && value !== null && 'ref' in value && 'unref' in value;

/**
 * The queue of a pool that gets one task, which waits here until the thread is up. A pool keeps the process alive by a
 * port of its own, which it does not show. But it notes the record on the task that refs and unrefs this port.
 */
export class OneTask {
  #waiting: object | undefined;
  #task: object | undefined;

  get size(): number {
    return this.#waiting === undefined ? 0 : 1;
  }

  push(task: object): void {
    this.#waiting = this.#task = task;
  }

  shift(): object | null {
    const task = this.#waiting ?? null;
    this.#waiting = undefined;
    return task;
  }

  remove(): void {
    this.#waiting = undefined;
  }

  /** `undefined` until the thread has booted. */
  get holder(): Holder | undefined {
    const record: unknown = this.#task && 'workerInfo' in this.#task ? this.#task.workerInfo : undefined;
    return isHolder(record) ? record : undefined;
  }
}
