import { type CloseReason, type DropReason, type Millis } from '../../src/common/core/types.ts';
import { REPLACEMENTS } from '../../src/main/policy/births.ts';
import { Prefork } from '../../src/main/prefork/prefork.ts';
import { memoryPair } from '../../src/main/listener/memory-pair.ts';
import { type ThreadHost } from '../../src/main/threads/host.ts';
import { FakeClock } from '../main/master/fake-clock.ts';
import { generator } from '../main/policy/simulation.ts';
import { fakeLink, type FakePort } from './fake-link.ts';
import { FakeThread, type Fate, type Manner, type ThreadWorld } from './fake-thread.ts';
import { SimulatedPeer } from './peer.ts';
import { type RunningOptions } from '../../src/main/prefork/option-types.ts';

/** How likely what misfortunes are, 0 to 1. */
export interface Luck {
  readonly badBoot: number;
  readonly crashes: number;
  readonly hangs: number;
  readonly deaf: number;
  readonly diesSlowly: number;
  readonly rudeHandler: number;
  readonly rudePeer: number;
}

export const GOOD_LUCK: Luck = {
  badBoot: 0,
  crashes: 0,
  hangs: 0,
  deaf: 0,
  diesSlowly: 0,
  rudeHandler: 0,
  rudePeer: 0,
};

export const BAD_LUCK: Luck = {
  badBoot: 0.15,
  crashes: 0.4,
  hangs: 0.25,
  deaf: 0.1,
  diesSlowly: 0.1,
  rudeHandler: 0.2,
  rudePeer: 0.3,
};

const MAX_WORKERS = 5;
const MAX_PEERS = 20;

const must = (truth: boolean, what: string): void => {
  if (!truth) throw new Error(what);
};

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What has become of one connection. */
interface Story {
  readonly peer: SimulatedPeer;
  worker: FakeThread | undefined;
  manner: Manner | undefined;
  end: CloseReason | DropReason | undefined;
}

/**
 * A whole prefork over fake threads, ports, rings of 512 bytes, peers and time. One seeded generator chooses what moves
 * next, so a seed is one history. Throws as soon as a promise is broken.
 */
export class Town implements ThreadWorld {
  readonly clock = new FakeClock(1_000);
  readonly prefork: Prefork;
  readonly threads = new Set<FakeThread>();
  readonly tally: Record<string, number> = {};
  luck: Luck = GOOD_LUCK;
  steps = 0;
  /** A number for all that has happened so far. */
  digest = 0;
  readonly #random: () => number;
  readonly #stories = new Map<number, Story>();
  readonly #peers = new Set<SimulatedPeer>();
  readonly #nears = new Set<FakePort>();
  readonly #mainTurns: (() => void)[] = [];
  readonly #unsettled = new Set<Promise<unknown>>();
  #failure: Error | undefined;
  #accepted = 0;
  #over = 0;
  #checkAt = 0;
  #lateAt: Millis = -Infinity;
  #ours = 0;

  constructor(seed: number) {
    this.#random = generator(seed);
    const host: ThreadHost = {
      name: 'worker',
      start: (spec, exited) => {
        const thread = new FakeThread(this, spec, exited, this.#fate());
        this.threads.add(thread);
        return thread;
      },
    };
    this.prefork = new Prefork(
      'file:///simulated.js',
      {
        startWorkers: 2,
        minWorkers: 2,
        maxWorkers: MAX_WORKERS,
        minSpareWorkers: 1,
        maxSpareWorkers: 4,
        masterHeartbeat: 1_000,
        workerHeartbeat: 200,
        workerExpireTime: 1_500,
        graceTime: 1_000,
        bootTimeout: 1_000,
        killTimeout: 300,
        minUptime: 200,
        maxBootRetryDelay: 2_000,
        maxServed: 60,
        maxLifetime: 40_000,
        maxSessionsPerWorker: 6,
        maxConnections: 18,
        maxWaiting: 8,
        waitTimeout: 2_000,
        claimTimeout: 300,
        idleTimeout: 4_000,
        firstByteTimeout: 1_500,
        lingerTimeout: 3_000,
        window: 1_024,
        highWaterMark: 512,
        onStuck: () => {
          this.count('stuck');
        },
      },
      {
        clock: this.clock,
        random: this.#random,
        loadHost: () => Promise.resolve(host),
        openLink: () => {
          const link = fakeLink(512);
          this.#nears.add(link.near as unknown as FakePort);
          return link;
        },
        atTurnEnd: (run) => this.#mainTurns.push(run),
        cores: 2,
        unheard: {
          missed: () => undefined,
          notice: () => undefined,
          recovered: () => undefined,
          closing: () => undefined,
          stop: () => undefined,
        },
      },
    );
    this.#listen();
  }

  count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
    for (let n = 0; n < what.length; n += 1)
      this.digest = (Math.imul(this.digest, 31) + what.charCodeAt(n)) | 0;
  }

  in(wait: Millis, run: () => void): void {
    this.#ours += 1;
    this.clock.callAt(this.clock.now() + wait, () => {
      this.#ours -= 1;
      run();
    });
  }

  claimed(connection: number, thread: FakeThread): Manner {
    const story = this.#story(connection);
    must(story.worker === undefined, `connection ${connection} was claimed twice`);
    must(story.end === undefined, `connection ${connection} was claimed after it was ${String(story.end)}`);
    const rude: Manner[] = ['ends early', 'destroys', 'throws', 'resets', 'sleeps'];
    story.worker = thread;
    story.manner = this.#chance(this.luck.rudeHandler) ? this.#pick(rude) : 'echo';
    return story.manner;
  }

  /** Comes up; bad luck comes afterwards. */
  async start(): Promise<void> {
    const progress = { settled: false };
    const started = this.prefork.start().finally(() => (progress.settled = true));
    started.catch(() => undefined);
    while (!progress.settled) await this.run(16, false);
    await started;
    this.luck = BAD_LUCK;
  }

  /** So many steps of whatever may happen. */
  async run(steps: number, withPeers = true): Promise<void> {
    for (const end = this.steps + steps; this.steps < end;) {
      for (let left = 1 + Math.floor(this.#random() * 6); left > 0; left -= 1) {
        this.steps += 1;
        this.#step(withPeers);
      }
      await nextTurn();
      if (this.#failure) throw this.#failure;
      if (this.steps >= this.#checkAt) this.#check();
    }
  }

  /** Luck is good from now on, peers go home, and all that is under way comes to its end. */
  async calmDown(): Promise<void> {
    this.luck = GOOD_LUCK;
    if (this.prefork.status().paused) this.prefork.resume();
    for (let round = 0; round < 300; round += 1) {
      for (const peer of this.#peers) {
        peer.stream.resume();
        peer.end();
      }
      await this.#allMove();
      this.clock.advance(250);
    }
    await this.#allMove();
    this.#checkEnd();
  }

  /** Closes, and leaves nothing. */
  async close(): Promise<void> {
    const progress = { closed: false };
    const closing = this.prefork.close({ grace: 500 }).then(() => (progress.closed = true));
    for (let round = 0; !progress.closed && round < 1_000; round += 1) {
      await this.#allMove();
      this.clock.advance(50);
    }
    must(progress.closed, 'close() does not settle');
    await closing;
    await Promise.all(this.#unsettled);
    must(this.clock.armed === this.#ours, `${this.clock.armed - this.#ours} timers are left`);
    must(this.prefork.status().workers.length === 0, 'workers are left');
  }

  #listen(): void {
    const { prefork } = this;
    prefork.on('drop', ({ connection, reason }) => {
      this.#ends(connection.id, reason, false);
    });
    prefork.on('connection', ({ connection }) => {
      must(this.#story(connection.id).worker !== undefined, 'a claim of nobody');
    });
    prefork.on('connectionClosed', ({ connection, reason }) => {
      this.#ends(connection.id, reason, true);
    });
    prefork.on('workerExited', ({ reason }) => {
      this.count(`exit ${reason}`);
    });
    prefork.on('workerRetiring', ({ worker, why }) => {
      this.count(`retired ${why}`);
      const thread = [...this.threads].find(({ id }) => id === worker);
      // A late master that did not grant its lateness would take everybody for silent.
      if (why === 'silent' && thread?.phase === 'up')
        this.#fail(new Error(`worker ${worker} was not silent`));
    });
    prefork.on('workerZombie', () => {
      this.count('zombie');
    });
    prefork.on('handlerError', ({ callback, error }) => {
      if (callback === 'lane') this.#fail(error);
    });
  }

  // Thrown where it happens it would be one of the user's listeners that threw.
  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  #ends(id: number, reason: CloseReason | DropReason, served: boolean): void {
    try {
      const story = this.#story(id);
      must(story.end === undefined, `connection ${id} is over twice: ${String(story.end)}, ${reason}`);
      must(
        served === (story.worker !== undefined),
        `connection ${id}: ${reason}, of ${String(story.manner)}`,
      );
      story.end = reason;
      this.#over += 1;
      this.count(reason);
      this.#judge(id, story, reason);
    } catch (error) {
      this.#fail(error);
    }
  }

  // Nobody loses anything but by its own doing, its handler's, or its worker's death.
  #judge(id: number, { worker, manner, peer }: Story, reason: CloseReason | DropReason): void {
    if (reason === 'worker-lost')
      must(worker!.victim, `connection ${id} was lost with a worker that is well`);
    if (reason === 'handler-error')
      must(manner === 'throws', `connection ${id}: no handler threw, it ${String(manner)}`);
    if (reason !== 'ended' || manner !== 'echo' || peer.side !== 'ended') return;
    this.count('whole');
    this.in(1_000, () => {
      // A late host may have taken the time that a peer had for the rest.
      if (!peer.isWhole && this.clock.now() - this.#lateAt > 10_000)
        this.#fail(new Error(`connection ${id} ended with ${peer.received} of ${peer.sent} bytes`));
    });
  }

  #story(id: number): Story {
    const story = this.#stories.get(id);
    if (story === undefined) throw new Error(`there is no connection ${id}`);
    return story;
  }

  #chance(likely: number): boolean {
    return this.#random() < likely;
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)]!;
  }

  #fate(): Fate {
    const { luck } = this;
    const some = (most: number): number => this.#random() * most;
    return {
      bootTime: 20 + some(100),
      boot: this.#chance(luck.badBoot) ? this.#pick(['fails', 'never', 'throws'] as const) : 'well',
      crashAfter: this.#chance(luck.crashes) ? some(10_000) : undefined,
      hangAfter: this.#chance(luck.hangs) ? some(10_000) : undefined,
      deaf: this.#chance(luck.deaf),
      dyingTime: this.#chance(luck.diesSlowly) ? 200 + some(5_000) : some(20),
    };
  }

  #step(withPeers: boolean): void {
    const dice = this.#random();
    if (dice < 0.5) this.#moveSomething();
    else if (dice < 0.82) {
      if (withPeers) this.#peerActs();
    } else if (dice < 0.997) this.clock.advance(this.#random() * 8);
    else if (withPeers) this.#hostActs();
  }

  #moveSomething(): void {
    const dice = this.#random();
    if (dice < 0.3) this.#mainTurn();
    else if (dice < 0.6) {
      const ports = [...this.#nears].filter(({ inbox }) => inbox.length > 0);
      if (ports.length > 0) this.#pick(ports).deliver();
    } else {
      const able = [...this.threads].filter(({ canMove }) => canMove);
      if (able.length > 0) this.#move(this.#pick(able));
    }
  }

  #move(thread: FakeThread): void {
    const { phase } = thread;
    thread.move(this.#random());
    if (phase === 'ended') this.threads.delete(thread);
  }

  #mainTurn(): boolean {
    const due = this.#mainTurns.splice(0);
    for (const run of due) run();
    return due.length > 0;
  }

  #peerActs(): void {
    if (this.#peers.size < MAX_PEERS && this.#chance(0.04)) {
      this.#connect();
      return;
    }
    if (this.#peers.size === 0) return;
    const peer = this.#pick([...this.#peers]);
    const dice = this.#random();
    if (dice < 0.6) peer.write(1 + Math.floor(this.#random() * 2_000));
    else if (dice < 0.7) peer.pause();
    else if (dice < 0.9) peer.stream.resume();
    else if (dice < 0.96) {
      if (!peer.mute) peer.end();
    } else if (this.#chance(this.luck.rudePeer)) peer.destroy();
  }

  #connect(): void {
    const [client, server] = memoryPair();
    const peer = new SimulatedPeer(client, (this.#accepted += 1), this.#chance(this.luck.rudePeer / 4));
    this.#peers.add(peer);
    client.once('close', () => this.#peers.delete(peer));
    this.#stories.set(this.#accepted, { peer, worker: undefined, manner: undefined, end: undefined });
    this.count('connection');
    this.prefork.accept(server);
  }

  #hostActs(): void {
    const { prefork } = this;
    const dice = this.#random();
    if (dice < 0.15) this.#await('reload', prefork.reload());
    else if (dice < 0.45) {
      this.count('configure');
      prefork.configure(this.#options());
    } else if (dice < 0.6) {
      const ids = prefork.status().workers.map(({ id }) => id);
      if (ids.length > 0) prefork.retire(this.#pick(ids));
    } else if (dice < 0.7) {
      this.count('pause');
      prefork.pause();
      this.in(this.#random() * 1_000, () => {
        if (prefork.status().state === 'listening') prefork.resume();
      });
    } else if (dice < 0.75)
      this.#await(
        'drain',
        prefork.drain({ deadline: 200 }).finally(() => {
          prefork.resume();
        }),
      );
    else if (dice < 0.9) {
      // The host's own loop stands still.
      this.count('late');
      this.clock.sleep(this.#random() * 60_000);
      this.#lateAt = this.clock.now();
    }
  }

  #options(): RunningOptions {
    return this.#pick<RunningOptions>([
      { maxSessionsPerWorker: 1 + Math.floor(this.#random() * 6) },
      { minSpareWorkers: Math.floor(this.#random() * 3) },
      { maxServed: 5 + Math.floor(this.#random() * 100) },
      { workerHeartbeat: 100 + this.#random() * 200 },
      { dispatch: this.#pick(['least-open', 'round-robin', 'least-busy', 'sticky-address'] as const) },
      { maxWaiting: Math.floor(this.#random() * 12), waitTimeout: 500 + this.#random() * 3_000 },
      { claimTimeout: 100 + this.#random() * 1_000 },
      { idleTimeout: 2_000 + this.#random() * 5_000 },
      { maxLifetime: 5_000 + this.#random() * 40_000 },
    ]);
  }

  // Rejects with a reason at the most: that is what it is for.
  #await(what: string, promise: Promise<unknown>): void {
    const settled: Promise<unknown> = promise.then(
      () => {
        this.count(`${what} done`);
      },
      (error: unknown) => {
        this.count(`${what} ${String((error as { code?: unknown }).code)}`);
      },
    );
    this.#unsettled.add(settled);
    void settled.then(() => this.#unsettled.delete(settled));
  }

  /** Everything that can move does, until nothing can. */
  async #allMove(): Promise<void> {
    for (let idle = 0; idle < 3; idle += 1) {
      let moved = this.#mainTurn();
      for (const port of this.#nears) while (port.deliver()) moved = true;
      for (const thread of [...this.threads])
        for (let most = 100; thread.canMove && most > 0; most -= 1) {
          moved = true;
          this.#move(thread);
        }
      await nextTurn();
      if (this.#failure) throw this.#failure;
      if (moved) idle = -1;
    }
  }

  #check(): void {
    this.#checkAt = this.steps + 20;
    for (const port of this.#nears) if (port.closed) this.#nears.delete(port);
    const { counts, connections, workers } = this.prefork.status();
    must(counts.threads === workers.length - counts.zombie, 'zombies are no threads');
    must(counts.threads <= MAX_WORKERS + REPLACEMENTS, `${counts.threads} threads, zombies apart`);
    must(counts.above === Math.max(0, counts.threads - MAX_WORKERS), 'threads above, in the status');
    for (const { id, open, owed } of workers) {
      must(open >= 0 && owed >= 0 && owed <= open, `worker ${id} has ${open} open and owes ${owed}`);
    }
    must(connections.accepted === this.#accepted, 'an arrival is not in the books');
    const sum = (tally: Record<string, number>): number => Object.values(tally).reduce((a, b) => a + b, 0);
    must(sum(connections.drops) + sum(connections.closes) === this.#over, 'an end that nobody was told of');
  }

  #checkEnd(): void {
    const { counts, connections, workers, degraded } = this.prefork.status();
    const untold = [...this.#stories].filter(([, { end }]) => end === undefined).map(([id]) => id);
    must(untold.length === 0, `nothing became of the connections ${untold.join(', ')}`);
    must(connections.open === 0 && connections.waiting === 0, 'connections are left');
    for (const { id, open, owed, phase } of workers)
      must(open === 0 && owed === 0, `worker ${id} (${phase}) still has ${open} and owes ${owed}`);
    must(counts.ready >= 2, `only ${counts.ready} workers are ready`);
    must(counts.ready <= MAX_WORKERS, `${counts.ready} workers are ready`);
    must(counts.zombie === 0 && counts.killing === 0, 'threads are left');
    must(degraded.length === 0, `still degraded: ${degraded.join(', ')}`);
  }
}

/** From the first birth to the end, with `steps` of bad luck between. */
export async function lifeOf(seed: number, steps: number): Promise<Town> {
  const town = new Town(seed);
  await town.start();
  await town.run(steps);
  await town.calmDown();
  await town.close();
  return town;
}
