import { EventEmitter } from 'node:events';
import { type Duplex } from 'node:stream';
import { type DropReason, type Millis, type WorkerId } from '../../../src/common/core/types.ts';
import { Dispatcher, type DispatcherConfig } from '../../../src/main/listener/dispatcher.ts';
import { resolvePolicy } from '../../../src/main/policy/config.ts';
import { evolve } from '../../../src/main/policy/evolve.ts';
import { type PoolEvent, type PoolState, type WorkerRecord } from '../../../src/main/policy/state.ts';
import { type Connection } from '../../../src/main/relay/connection.ts';
import { FakeClock } from '../master/fake-clock.ts';
import { pool } from '../policy/pool.ts';

/** As much of a stream as the books look at. */
class FakeStream extends EventEmitter {
  destroyed = false;

  destroy(): void {
    this.destroyed = true;
  }
}

export const connection = (id: number, acceptedAt: Millis = 0): Connection => ({
  id,
  // Of all that a stream does, main-side books only use what the stub has.
  stream: new FakeStream() as unknown as Duplex,
  addresses: { remoteAddress: `192.0.2.${id % 250}` },
  acceptedAt,
});

const CONFIG: DispatcherConfig = {
  minWorkers: Infinity,
  maxSessionsPerWorker: 1,
  maxServed: Infinity,
  servedJitter: 0,
  growUtilization: Infinity,
  dispatch: 'least-open',
  maxConnections: Infinity,
  maxConnectionsPerAddress: Infinity,
  blockList: undefined,
  maxWaiting: 4,
  waitTimeout: 30_000,
  claimTimeout: 1_000,
  stealAfter: Infinity,
};

/** A dispatcher before workers that claim when the test says so. */
export class Rig {
  readonly clock = new FakeClock();
  readonly dispatcher: Dispatcher;
  /** `3>1`: connection 3 went to worker 1; `3 gone`: it was dropped for that. */
  readonly log: string[] = [];
  readonly drops = new Map<number, unknown>();
  readonly offered = new Map<number, WorkerId>();
  readonly told: PoolEvent[] = [];
  /** Workers that wait for something to do. */
  readonly resting = new Set<WorkerId>();
  readonly config: DispatcherConfig;
  state: PoolState;
  #connections = 0;

  constructor(workers: readonly WorkerRecord[], config: Partial<DispatcherConfig> = {}) {
    this.state = pool(workers);
    this.config = { ...CONFIG, ...config };
    this.dispatcher = new Dispatcher({
      config: this.config,
      clock: this.clock,
      state: () => this.state,
      tell: (event) => {
        this.tell(event);
      },
      offer: (worker, { id }) => {
        this.log.push(`${id}>${worker}`);
        this.offered.set(id, worker);
      },
      rests: (worker) => this.resting.has(worker),
      takeBack: (worker, { id }) => this.offered.get(id) === worker && this.offered.delete(id),
      dropped: ({ id, stream }, reason: DropReason, error) => {
        this.log.push(`${id} ${reason}`);
        this.drops.set(id, error);
        stream.destroy();
      },
    });
  }

  tell(event: PoolEvent): void {
    this.told.push(event);
    this.state = evolve(this.state, event, this.clock.now(), resolvePolicy({}));
  }

  /** So many connections come, one after the other, `others` of them being open besides. */
  come(count = 1, others = 0): Connection[] {
    return Array.from({ length: count }, () => {
      const one = connection(++this.#connections, this.clock.now());
      this.dispatcher.arrive(one, { all: others, sameNetwork: 0 });
      return one;
    });
  }

  claim(one: Connection): void {
    const id = this.offered.get(one.id);
    if (id === undefined) throw new Error(`${one.id} is not on offer`);
    this.offered.delete(one.id);
    this.dispatcher.claimed(one);
    this.tell({ kind: 'claimed', id });
  }

  /** A claimed connection of that worker ends. */
  close(id: WorkerId): void {
    this.tell({ kind: 'released', id });
    this.dispatcher.pump();
  }

  took(): string[] {
    return this.log.splice(0);
  }
}
