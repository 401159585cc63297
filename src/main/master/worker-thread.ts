// The thread of one worker as its handle uses it: it waits at the boot gate, is started, looked into, terminated, and
// keeps the process alive or not.
import { type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';
import { type BootGate, type Passage } from '../threads/boot-gate.ts';
import { type Thread, type ThreadFindings } from '../threads/host.ts';
import { Looks } from './looks.ts';

export interface WorkerThreadOptions {
  readonly gate: BootGate;
  readonly clock: Clock;
  /** Starts the thread; called once the gate has room, unless `cancel()` was called before. */
  readonly start: () => Thread;
  /** The thread was started. */
  readonly launched: () => void;
}

export class WorkerThread {
  readonly #passage: Passage;
  readonly #looks: Looks;
  /** `undefined` before the start and after the end. */
  #thread: Thread | undefined;
  /** Whether the thread keeps the process alive; may be said before there is one. */
  #held = true;
  /** A zombie's thread is let go for good. */
  #abandoned = false;

  constructor({ gate, clock, start, launched }: WorkerThreadOptions) {
    this.#looks = new Looks(clock);
    this.#passage = gate.enter(() => {
      this.#thread = start();
      if (!this.#held) this.#thread.unref();
      launched();
    });
  }

  /** Node's id of the thread. */
  get id(): number | undefined {
    return this.#thread?.threadId;
  }

  /** Event-loop utilisation seen from outside since the last call, 0 to 1; works also for a stuck thread. */
  utilization(): number | undefined {
    return this.#thread?.sample().utilization;
  }

  /** Looks into the thread for at most `limit`; `found` is called once, at the latest when the thread is terminated. */
  examine(limit: Millis, found: (findings: ThreadFindings) => void): void {
    const thread = this.#thread;
    if (thread) this.#looks.begin(limit, found, (end) => thread.examine(end));
  }

  /** Finds out in the same way whether a debugger has stopped the thread. */
  lookForDebugger(limit: Millis, found: (debugged: boolean) => void): void {
    const thread = this.#thread;
    if (thread) this.#looks.begin(limit, found, (end) => thread.lookForDebugger(end));
  }

  /** The worker has booted: lets the next one in at the gate. */
  booted(): void {
    this.#passage.done();
  }

  /** It is not wanted any more: it is never started. */
  cancel(): void {
    this.#passage.cancel();
  }

  /** Ends the looks into the thread, which tell what they have found; call it before `terminate()`. */
  endLooks(): void {
    this.#looks.end();
  }

  terminate(): void {
    this.#thread?.terminate();
  }

  /** The thread does not end: lets the next one in at the gate, and the process go. */
  abandon(): void {
    this.#passage.done();
    this.hold(false);
    this.#abandoned = true;
  }

  /** The thread has ended. */
  ended(): void {
    this.#looks.end();
    this.#thread = undefined;
    this.#passage.done();
  }

  /** Whether the thread keeps the process alive. */
  hold(held: boolean): void {
    if (this.#abandoned) return;
    this.#held = held;
    if (held) this.#thread?.ref();
    else this.#thread?.unref();
  }
}
