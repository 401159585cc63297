import { EventEmitter } from 'node:events';
import { type Duplex } from 'node:stream';
import { type Clock } from '../../../src/common/core/clock.ts';
import {
  type DropReason,
  type LeaveReason,
  type Millis,
  type WorkerId,
} from '../../../src/common/core/types.ts';
import { Dispatcher, type DispatcherConfig } from '../../../src/main/listener/dispatcher.ts';
import { Master, type Crew } from '../../../src/main/master/master.ts';
import { REPLACEMENTS } from '../../../src/main/policy/births.ts';
import { type PolicyConfig } from '../../../src/main/policy/config.ts';
import { type Connection } from '../../../src/main/relay/connection.ts';
import { type FaultRates, generator } from '../policy/simulation.ts';
import { FakeClock } from './fake-clock.ts';

/** How likely each fault of a worker, an offer or a peer is, 0 to 1. */
export interface WorldFaultRates extends FaultRates {
  /** A worker is busy for longer than `claimTimeout` before it looks at a connection. */
  readonly claimsSlowly: number;
  /** The peer leaves again very soon. */
  readonly leaves: number;
}

type ClientState = 'nobody' | 'offered' | 'open' | 'served' | DropReason;

/** Like a socket, it closes a little after it was destroyed. */
class FakeStream extends EventEmitter {
  destroyed = false;
  readonly #later: (run: () => void) => void;

  constructor(later: (run: () => void) => void) {
    super();
    this.#later = later;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#later(() => this.emit('close'));
  }
}

interface Client {
  readonly connection: Connection;
  state: ClientState;
  worker: WorkerId | undefined;
  claims: number;
}

interface FakeWorker {
  readonly id: WorkerId;
  readonly deaf: boolean;
  readonly immortal: boolean;
  readonly offered: Map<number, Client>;
  readonly open: Map<number, Client>;
  ready: boolean;
  hung: boolean;
  leaving: boolean;
  doomed: boolean;
  zombie: boolean;
  claimed: number;
}

export interface WorldOptions {
  readonly policy: PolicyConfig;
  readonly dispatcher: DispatcherConfig;
  readonly seed: number;
  readonly faults: WorldFaultRates;
}

const must = (truth: boolean, what: string): void => {
  if (!truth) throw new Error(what);
};

/**
 * Master, dispatcher and waiting room as the pool wires them, over fake threads, connections and time. Throws as soon
 * as a promise is broken.
 */
export class World implements Crew {
  readonly clock = new FakeClock(1_000);
  readonly master: Master;
  readonly dispatcher: Dispatcher;
  readonly workers = new Map<WorkerId, FakeWorker>();
  readonly clients: Client[] = [];
  readonly tally: Record<string, number> = {};
  faults: WorldFaultRates;
  /** Mean time between two connections and mean stay; none come without. */
  traffic: { readonly every: Millis; readonly stay: Millis } | undefined;
  readonly #options: WorldOptions;
  readonly #random: () => number;
  readonly #live = new Set<Client>();
  readonly #deferred: (() => void)[] = [];
  #ours = 0;

  constructor(options: WorldOptions) {
    const { policy, dispatcher, seed, faults } = options;
    this.#options = options;
    this.faults = faults;
    this.#random = generator(seed);
    const defer = (run: () => void): void => void this.#deferred.push(run);
    this.master = new Master({
      config: policy,
      clock: this.clock,
      random: this.#random,
      crew: this,
      defer,
      turned: () => {
        this.dispatcher.pump();
      },
    });
    this.dispatcher = new Dispatcher({
      config: dispatcher,
      clock: this.clock,
      state: () => this.master.state,
      tell: (event) => {
        if (event.kind === 'stolen') this.count('stolen');
        this.master.tell(event);
      },
      offer: (id, connection) => {
        this.#offer(id, connection);
      },
      rests: (id) => this.#seemsToRest(this.workers.get(id)),
      takeBack: (id, connection) => this.#takeBack(this.workers.get(id), connection.id),
      dropped: ({ id }, reason) => {
        this.#dropped(this.#client(id), reason);
      },
    });
    this.clock.afterFiring = () => {
      this.settle();
    };
    this.#entrance();
  }

  /** Timers of the master and the dispatcher. */
  get armed(): number {
    return this.clock.armed - this.#ours;
  }

  start(): void {
    this.master.start();
    this.settle();
  }

  /** The rest of the turn, then the books are checked. */
  settle(): void {
    for (let run = this.#deferred.shift(); run !== undefined; run = this.#deferred.shift()) run();
    this.#check();
  }

  count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  spawn(id: WorkerId): void {
    const chance = (likely: number): boolean => this.#random() < likely;
    const { faults } = this;
    const worker: FakeWorker = {
      id,
      deaf: chance(faults.ignoresRetirement),
      immortal: chance(faults.cannotBeKilled),
      offered: new Map(),
      open: new Map(),
      ready: false,
      hung: false,
      leaving: false,
      doomed: false,
      zombie: false,
      claimed: 0,
    };
    must(!this.workers.has(id), `worker ${id} is born twice`);
    this.workers.set(id, worker);
    this.#in(this.#random() * 20, () => {
      if (this.workers.has(id)) this.master.tell({ kind: 'launched', id });
    });
    const boot = 40 + this.#random() * 100;
    if (chance(faults.failsToBoot)) this.#exitIn(boot, worker, 'failed boot');
    else if (!chance(faults.neverReady)) {
      this.#in(boot, () => {
        this.#ready(worker);
      });
    }
    if (chance(faults.crashes)) this.#exitIn(boot + this.#random() * 20_000, worker, 'crash');
    if (!chance(faults.hangs)) return;
    this.#in(boot + this.#random() * 20_000, () => {
      worker.hung = true;
    });
  }

  retire(id: WorkerId, why: LeaveReason): void {
    this.count(`retired ${why}`);
    const worker = this.#worker(id);
    const unclaimed = this.#takeAllBack(worker);
    worker.leaving = true;
    this.#in(1, () => {
      this.#leave(worker);
    });
    this.dispatcher.takenBack(unclaimed, id, false);
  }

  kill(id: WorkerId, why: LeaveReason): void {
    this.count(`killed ${why}`);
    const worker = this.#worker(id);
    worker.doomed = true;
    const unclaimed = this.#takeAllBack(worker);
    this.#exitIn(worker.immortal ? 60_000 : 5, worker, 'kill');
    this.dispatcher.takenBack(unclaimed, id, false);
  }

  look(id: WorkerId): void {
    this.count('look');
    this.#in(this.#random() * 20, () => {
      this.master.tell({ kind: 'looked', id, debugged: false });
    });
  }

  abandon(id: WorkerId): void {
    this.count('zombie');
    const worker = this.#worker(id);
    worker.zombie = true;
    const unclaimed = this.#takeAllBack(worker);
    for (const client of [...worker.open.values()]) this.#over(worker, client);
    this.dispatcher.takenBack(unclaimed, id, false);
  }

  /** A worker asks for its own retirement, breaks the protocol, or wants no more for a while. */
  say(kind: 'asked' | 'broken' | 'paused'): void {
    const ready = [...this.workers.values()].filter((worker) => worker.ready && !worker.hung);
    const worker = ready[Math.floor(this.#random() * ready.length)];
    if (worker === undefined) return;
    const { id } = worker;
    if (kind === 'paused') {
      this.master.tell({ kind, id, paused: true });
      this.#in(500, () => {
        this.master.tell({ kind, id, paused: false });
      });
    } else this.master.tell({ kind, id });
    this.settle();
  }

  #in(wait: Millis, run: () => void): void {
    this.#ours++;
    const { clock }: { clock: Clock } = this;
    clock.callAt(clock.now() + wait, () => {
      this.#ours--;
      run();
    });
  }

  #worker(id: WorkerId): FakeWorker {
    const worker = this.workers.get(id);
    if (worker === undefined) throw new Error(`there is no worker ${id}`);
    return worker;
  }

  #client(id: number): Client {
    const client = this.clients[id - 1];
    if (client === undefined) throw new Error(`there is no connection ${id}`);
    return client;
  }

  #entrance(): void {
    const { traffic } = this;
    if (traffic !== undefined) this.#arrive();
    this.#in((traffic?.every ?? 500) * 2 * this.#random() + 0.1, () => {
      this.#entrance();
    });
  }

  #arrive(): void {
    const others = this.#live.size;
    const stream = new FakeStream((run) => void this.#deferred.push(run));
    const connection: Connection = {
      id: this.clients.length + 1,
      // Of all that a stream does, main-side books only use what the stub has.
      stream: stream as unknown as Duplex,
      addresses: { remoteAddress: `192.0.2.${Math.floor(this.#random() * 20)}` },
      acceptedAt: this.clock.now(),
    };
    const client: Client = { connection, state: 'nobody', worker: undefined, claims: 0 };
    this.clients.push(client);
    this.#live.add(client);
    stream.once('close', () => {
      this.#closed(client);
    });
    this.dispatcher.arrive(connection, { all: others, sameNetwork: 0 });
    if (this.#random() < this.faults.leaves) {
      this.#in(this.#random() * 3, () => {
        stream.destroy();
      });
    }
    must(this.#live.size <= this.#options.dispatcher.maxConnections + 1, 'more than maxConnections');
  }

  #closed(client: Client): void {
    this.#live.delete(client);
    if (client.state === 'open') this.#over(this.#worker(client.worker ?? 0), client);
    this.dispatcher.gone(client.connection);
  }

  #offer(id: WorkerId, connection: Connection): void {
    const worker = this.#worker(id);
    const client = this.#client(connection.id);
    must(worker.ready, `${id} was offered a connection before it was ready`);
    must(!worker.leaving && !worker.doomed, `${id} was offered a connection while it drains`);
    must(client.state === 'nobody', `${connection.id} was offered while it is ${client.state}`);
    client.state = 'offered';
    client.worker = id;
    worker.offered.set(connection.id, client);
    const slow = this.#random() < this.faults.claimsSlowly;
    this.#in(slow ? 500 + this.#random() * 2_000 : this.#random() * 4, () => {
      this.#claim(worker, client);
    });
  }

  // One that hangs may seem to rest: what it read last was all that there was.
  #seemsToRest(worker: FakeWorker | undefined): boolean {
    return worker?.offered.size === 0 && (!worker.hung || this.#random() < 0.5);
  }

  #takeBack(worker: FakeWorker | undefined, id: number): boolean {
    const client = worker?.offered.get(id);
    if (client === undefined) return false;
    this.count('taken back');
    worker?.offered.delete(id);
    client.state = 'nobody';
    client.worker = undefined;
    return true;
  }

  #takeAllBack(worker: FakeWorker): Connection[] {
    const all = [...worker.offered.values()].map(({ connection }) => connection);
    return all.filter(({ id }) => this.#takeBack(worker, id));
  }

  #claim(worker: FakeWorker, client: Client): void {
    const { id } = worker;
    const { connection } = client;
    if (worker.hung || !this.workers.has(id)) return;
    if (this.master.state.workers.some((each) => each.id === id && (each.suspect || each.stolenFrom)))
      this.master.tell({ kind: 'alive', id });
    // It may have been taken back, and even offered to the same worker again: then the later look claims it.
    if (client.worker !== id || !worker.offered.delete(connection.id)) return;
    client.state = 'open';
    client.claims++;
    worker.claimed++;
    must(client.claims === 1, `${connection.id} was claimed twice`);
    worker.open.set(connection.id, client);
    this.dispatcher.claimed(connection);
    this.master.tell({ kind: 'claimed', id });
    if (connection.stream.destroyed) this.#over(worker, client);
    this.#in((this.traffic?.stay ?? 100) * 2 * this.#random(), () => {
      if (!worker.hung && this.workers.has(id)) this.#over(worker, client);
    });
  }

  #over(worker: FakeWorker, client: Client): void {
    if (!worker.open.delete(client.connection.id)) return;
    client.state = 'served';
    this.count('served');
    client.connection.stream.destroy();
    this.master.tell({ kind: 'released', id: worker.id });
    this.#leave(worker);
  }

  #dropped(client: Client, reason: DropReason): void {
    must(client.state === 'nobody', `${client.connection.id} was dropped while it is ${client.state}`);
    this.count(reason);
    client.state = reason;
    client.connection.stream.destroy();
  }

  #ready(worker: FakeWorker): void {
    if (!this.workers.has(worker.id)) return;
    worker.ready = true;
    this.master.tell({ kind: 'ready', id: worker.id });
    this.#beats(worker);
    this.#leave(worker);
  }

  #beats(worker: FakeWorker): void {
    this.#in(this.#options.policy.workerHeartbeat, () => {
      const { id, open, claimed: served } = worker;
      if (worker.hung || !this.workers.has(id)) return;
      const beat = { open: open.size, served, utilization: this.#random(), heap: 0, external: 0 };
      this.master.tell({ kind: 'beat', id, beat });
      this.#beats(worker);
    });
  }

  #leave(worker: FakeWorker): void {
    if (worker.leaving && worker.ready && !worker.deaf && !worker.hung && worker.open.size === 0)
      this.#exit(worker, 'left');
  }

  #exitIn(wait: Millis, worker: FakeWorker, how: string): void {
    this.#in(wait, () => {
      this.#exit(worker, how);
    });
  }

  // The harder order: its connections come back before the master hears that it is gone.
  #exit(worker: FakeWorker, how: string): void {
    if (!this.workers.delete(worker.id)) return;
    this.count(how);
    worker.leaving = true;
    const unclaimed = this.#takeAllBack(worker);
    for (const client of [...worker.open.values()]) this.#over(worker, client);
    this.dispatcher.takenBack(unclaimed, worker.id, false);
    this.master.tell({ kind: 'exited', id: worker.id, luck: this.master.draw() });
  }

  #check(): void {
    const { policy, dispatcher } = this.#options;
    const now = this.clock.now();
    const at = `at ${now}`;
    let threads = 0;
    for (const worker of this.workers.values()) {
      if (!worker.zombie) threads++;
      must(worker.open.size + worker.offered.size <= policy.maxSessionsPerWorker, `too many sessions ${at}`);
      must(worker.claimed + worker.offered.size <= policy.maxServed, `more than maxServed ${at}`);
    }
    must(threads <= policy.maxWorkers + REPLACEMENTS, `${threads} threads ${at}`);
    this.#checkBooks(at);
    let waiting = 0;
    for (const { state, connection } of this.#live) {
      if (state !== 'nobody') continue;
      waiting++;
      // Who came back too late still gets the turn of that instant.
      const inTime = now < connection.acceptedAt + dispatcher.waitTimeout || this.clock.next <= now;
      must(inTime, `${connection.id} waits for too long ${at}`);
    }
    must(waiting === this.dispatcher.waiting, `${waiting} wait, not ${this.dispatcher.waiting} ${at}`);
    must(waiting === this.master.state.waiting, `the policy does not know that ${waiting} wait ${at}`);
    // The master, the dispatcher and its steal watch have one each.
    must(this.armed <= 3, `${this.armed} timers ${at}`);
  }

  #checkBooks(at: string): void {
    const { workers } = this.master.state;
    must(workers.length === this.workers.size, `${workers.length} records ${at}`);
    for (const { id, owed, claimed, served } of workers) {
      const worker = this.#worker(id);
      must(owed === worker.offered.size, `worker ${id} owes ${owed} claims ${at}`);
      must(claimed === worker.open.size, `worker ${id} has claimed ${claimed} ${at}`);
      must(served === worker.claimed + owed, `worker ${id} has served ${served} ${at}`);
    }
  }
}
