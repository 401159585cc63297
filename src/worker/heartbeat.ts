import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type ToMain } from '../wire/messages.ts';

type Beat = Extract<ToMain, { kind: 'beat' }>;

/** Says at intervals that this thread's event loop turns, and how it is. */
export class Heartbeat {
  readonly #counts: () => { open: number; served: number };
  readonly #send: (beat: Beat) => void;
  #timer: NodeJS.Timeout | undefined;
  #last: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(counts: () => { open: number; served: number }, send: (beat: Beat) => void) {
    this.#counts = counts;
    this.#send = send;
  }

  every(milliseconds: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      this.#beat();
    }, milliseconds);
  }

  stop(): void {
    clearInterval(this.#timer);
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
