// The warning that a pool has grown for idle keep-alive clients.
import { type WorkerId } from '../../common/core/types.ts';
import { type PolicyConfig } from '../policy/config.ts';
import { isLive, isReady, openOf, type PoolState, type WorkerRecord } from '../policy/state.ts';

/** With one idle client the pool is one worker larger, which may be chance. */
const FEWEST = 2;

/**
 * Notices when idle keep-alive clients alone have made the pool grow, and warns once. A client that rests between two
 * requests keeps its worker from being spare, so `minSpareWorkers` asks for another worker. That is right where a
 * worker serves one client at a time. Where handlers do not block, it costs a thread for each idle client.
 */
export class IdleGrowth {
  #ready = 0;
  #warned = false;

  /** Looks whether the pool has grown since the last call. `restingOf` tells how many clients of a worker rest. */
  look({ workers, waiting }: PoolState, config: PolicyConfig, restingOf: (id: WorkerId) => number): void {
    if (this.#warned || config.minSpareWorkers === 0) return;
    const before = this.#ready;
    this.#ready = workers.filter(isReady).length;
    if (waiting > 0 || this.#ready <= before || this.#ready <= config.minWorkers) return;
    const used = workers.filter((worker) => isLive(worker) && openOf(worker) > 0);
    const rests = (worker: WorkerRecord): boolean => restingOf(worker.id) >= openOf(worker);
    if (used.length < FEWEST || !used.every(rests)) return;
    this.#warned = true;
    warn(this.#ready, used.length, config);
  }
}

function warn(ready: number, used: number, { minWorkers }: PolicyConfig): void {
  process.emitWarning(
    `the pool has grown from ${minWorkers} to ${ready} workers for idle keep-alive clients alone: ${used} workers have ` +
      'no other client, and `minSpareWorkers` asks for as many more without any. Where handlers do not block, give ' +
      "`workers: 'cores'` (or a number, or 'MIN..MAX') instead of the other options of the pool's size",
    { type: 'ForklessWarning', code: 'FORKLESS_IDLE_GROWTH' },
  );
}
