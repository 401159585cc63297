import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type Cancel } from '../core/clock.ts';
import { type OwnThread } from '../transport/own-thread.ts';
import { type ToMain } from '../wire/messages.ts';

type Beat = Extract<ToMain, { kind: 'beat' }>;

/** Says at intervals that this thread's event loop turns, and how it is. */
export class Heartbeat {
  readonly #thread: OwnThread;
  readonly #counts: () => { open: number; served: number };
  readonly #send: (beat: Beat) => void;
  #cancel: Cancel | undefined;
  #last: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(thread: OwnThread, counts: () => { open: number; served: number }, send: (beat: Beat) => void) {
    this.#thread = thread;
    this.#counts = counts;
    this.#send = send;
  }

  every(milliseconds: number): void {
    this.stop();
    this.#cancel = this.#thread.every(milliseconds, () => {
      this.#beat();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  #beat(): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    // Not process.memoryUsage(): it opens a file, and throws when the process has no descriptor left.
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    this.#send({ kind: 'beat', ...this.#counts(), utilization, heap, external });
  }
}
