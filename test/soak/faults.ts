import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CloseReason, type DropReason, type PreforkOptions, type RunningOptions } from 'forkless';
import { generator } from '../main/policy/simulation.ts';
import { type Transport } from '../transports.ts';
import { ServedHost, type HostStatus } from '../e2e/served-host.ts';
import { bytesOf, serveOne, type Account } from './verifying-client.ts';

const OPTIONS: PreforkOptions = {
  startWorkers: 3,
  minWorkers: 3,
  maxWorkers: 6,
  minSpareWorkers: 1,
  maxSpareWorkers: 5,
  masterHeartbeat: 200,
  workerHeartbeat: 70,
  // Longer than a machine that is busy with other things may keep a healthy thread waiting.
  workerExpireTime: 1_500,
  graceTime: 400,
  killTimeout: 200,
  maxZombies: 3,
  // So many deaths of the young would otherwise be a crash loop, which is slowed down.
  minUptime: 1,
  bootRetryDelay: 20,
  maxBootRetryDelay: 200,
  claimTimeout: 150,
  waitTimeout: 10_000,
  lingerTimeout: 3_000,
  maxServed: 500,
  maxConnections: 300,
  resourceLimits: { maxOldGenerationSizeMb: 32 },
};

const CLIENTS = 20;

/** Faults that a client orders from its worker by its first byte. */
const CLIENT_FAULTS = {
  exit: 0xf0,
  hang: 0xf1,
  'out of memory': 0xf2,
  throw: 0xf3,
  reject: 0xf4,
  slow: 0xf5,
  'handler error': 0xf6,
  retire: 0xf7,
  stuck: 0xf8,
} as const;

type ClientFault = keyof typeof CLIENT_FAULTS;

const HOST_FAULTS = ['reload', 'broken reload', 'configure', 'pause', 'EMFILE', 'blocked host'] as const;

// The costly ones are rare: an out-of-memory burns a core for a while, a stuck thread is a zombie for seconds.
const KINDS: readonly (ClientFault | (typeof HOST_FAULTS)[number])[] = [
  ...([
    'exit',
    'exit',
    'hang',
    'throw',
    'throw',
    'reject',
    'slow',
    'handler error',
    'retire',
    'stuck',
  ] as const),
  'out of memory',
  ...HOST_FAULTS,
];

/** The server's word about one connection. */
interface Word {
  readonly id: number;
  readonly port: number;
  readonly worker?: number;
  readonly reason: CloseReason | DropReason;
}

interface Exit {
  readonly worker: number;
  readonly reason: string;
}

export interface Report {
  readonly seed: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** Clients about whose end the server has said nothing; only with no descriptor left may there be any. */
  readonly unaccounted: number;
  /** Clients that lost something though neither their worker nor they had anything to do with a fault. */
  readonly losses: readonly string[];
  readonly before: HostStatus;
  readonly after: HostStatus;
  readonly closed: HostStatus;
}

/** Injects faults into a prefork under load for a while, and accounts for every client. */
export class FaultSoak {
  readonly seed: number;
  readonly #random: () => number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'forkless-'));
  readonly #host: ServedHost;
  readonly #accounts: Account[] = [];
  readonly #faults: Record<string, number> = {};
  #over = false;

  constructor(seed: number, transport: Transport) {
    this.seed = seed;
    this.#random = generator(seed);
    const mood = join(this.#folder, 'mood');
    writeFileSync(mood, 'well');
    this.#host = new ServedHost('victims', { ...OPTIONS, transport }, { MOOD: mood, EVENTS: 'yes' }, 400);
  }

  async run(seconds: number): Promise<Report> {
    const host = await this.#host.up();
    await host.until(({ counts }) => counts.ready >= 3);
    await this.#warmUp();
    const before = await host.status();
    const clients = Array.from({ length: CLIENTS }, (_, n) => this.#client(generator(this.seed + n + 1)));
    const injecting = this.#inject(performance.now() + seconds * 1_000);
    await injecting;
    this.#over = true;
    await Promise.all(clients);
    const after = await this.#recovered();
    await host.call('close', { grace: 2_000 });
    const closed = await host.status();
    return { ...this.#judge(), seed: this.seed, faults: this.#faults, before, after, closed };
  }

  /** Ends the program, whatever it does. */
  async end(): Promise<void> {
    this.#over = true;
    await this.#host.program.end();
    rmSync(this.#folder, { recursive: true });
  }

  async #warmUp(): Promise<void> {
    const random = generator(this.seed);
    for (let n = 0; n < 5; n += 1)
      await Promise.all(Array.from({ length: CLIENTS }, () => this.#one(random)));
  }

  async #client(random: () => number): Promise<void> {
    while (!this.#over) await this.#one(random);
  }

  async #one(random: () => number): Promise<void> {
    const bytes = bytesOf(random, 4 + Math.floor(random() ** 3 * 100_000));
    this.#accounts.push(await serveOne(this.#host.port, bytes, random));
  }

  async #inject(until: number): Promise<void> {
    const ordered: Promise<void>[] = [];
    while (performance.now() < until) {
      const kind = KINDS[Math.floor(this.#random() * KINDS.length)]!;
      this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
      if (kind in CLIENT_FAULTS) ordered.push(this.#order(CLIENT_FAULTS[kind as ClientFault]));
      else await this.#disturb(kind as (typeof HOST_FAULTS)[number]);
      await new Promise((resolve) => setTimeout(resolve, 30 + this.#random() * 200));
    }
    await Promise.all(ordered);
  }

  async #order(fault: number): Promise<void> {
    const bytes = Buffer.concat([Buffer.from([fault]), bytesOf(this.#random, 100)]);
    this.#accounts.push(await serveOne(this.#host.port, bytes, this.#random, true));
  }

  async #disturb(kind: (typeof HOST_FAULTS)[number]): Promise<void> {
    const host = this.#host;
    switch (kind) {
      case 'reload':
        // A worker that was ordered to die while it boots fails it.
        await host.call('reload').catch(mayBe('FORKLESS_RELOAD_FAILED'));
        return;
      case 'broken reload':
        await host.call('mood', 'throws');
        await host.call('reload').then(() => {
          throw new Error('a broken module was taken for good');
        }, mayBe('FORKLESS_RELOAD_FAILED'));
        await host.call('mood', 'well');
        return;
      case 'configure':
        await host.call('configure', this.#change());
        return;
      case 'pause':
        await host.call('pause');
        await new Promise((resolve) => setTimeout(resolve, 100));
        await host.call('resume');
        return;
      case 'EMFILE':
        await host.call('exhaust', 60);
        return;
      case 'blocked host':
        await host.call('block', 400);
    }
  }

  #change(): RunningOptions {
    const some = (most: number): number => 1 + Math.floor(this.#random() * most);
    const changes: RunningOptions[] = [
      { maxServed: 50 + some(500) },
      { minSpareWorkers: some(3) },
      { maxSessionsPerWorker: 4 + some(20) },
      { workerHeartbeat: 40 + some(60) },
      { claimTimeout: 50 + some(200) },
      { dispatch: (['least-open', 'round-robin', 'least-busy', 'sticky-address'] as const)[some(4) - 1]! },
      { maxLifetime: 2_000 + some(10_000) },
    ];
    return changes[some(changes.length) - 1]!;
  }

  /** The status once all is well again. */
  async #recovered(): Promise<HostStatus> {
    const sum = (tally: object): number =>
      Object.values(tally).reduce<number>((all, each) => all + Number(each), 0);
    return this.#host.until(({ connections, counts, degraded }) => {
      const { open, waiting, accepted, drops, closes } = connections;
      const quiet = open === 0 && waiting === 0 && sum(drops) + sum(closes) === accepted;
      const well = counts.ready >= 3 && counts.zombie === 0 && counts.killing === 0 && counts.draining === 0;
      return quiet && well && counts.starting === 0 && degraded.length === 0;
    }, 100);
  }

  #said<T>(what: string): T[] {
    const lines = this.#host.program.said.matchAll(new RegExp(`^${what} (\\{.*\\})\\r?$`, 'gm'));
    // The program sends exactly this.
    return [...lines].map(([, json = '']) => JSON.parse(json) as T);
  }

  #judge(): Pick<Report, 'outcomes' | 'bytes' | 'unaccounted' | 'losses'> {
    const left = new Set(
      this.#said<Exit>('exit')
        .filter(({ reason }) => reason === 'left')
        .map(({ worker }) => worker),
    );
    // Of one port, in the order of accepting: it is used again only when its client is gone.
    const words = byPort(
      [...this.#said<Word>('over'), ...this.#said<Word>('drop')].sort((a, b) => a.id - b.id),
    );
    const outcomes: Record<string, number> = {};
    const losses: string[] = [];
    let unaccounted = 0;
    for (const [port, accounts] of byPort(this.#accounts)) {
      for (const [account, word] of align(accounts, words.get(port) ?? [], left)) {
        const name = `${account.ordersFault ? 'orders a fault: ' : ''}${account.outcome}, ${word?.reason ?? 'no word'}`;
        outcomes[name] = (outcomes[name] ?? 0) + 1;
        if (word === undefined) unaccounted += 1;
        if (!fits(account, word, left))
          losses.push(`port ${port}: ${account.outcome}, ${JSON.stringify(word)}`);
      }
    }
    const bytes = this.#accounts.reduce((sum, account) => sum + account.bytes, 0);
    return { outcomes, bytes, unaccounted, losses };
  }
}

function byPort<T extends { readonly port: number }>(all: readonly T[]): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const each of all) {
    const group = groups.get(each.port);
    if (group) group.push(each);
    else groups.set(each.port, [each]);
  }
  return groups;
}

type Pair = readonly [Account, Word | undefined];

/** Whether what a client saw may be, by the server's word; without one it was closed for want of a descriptor. */
function fits({ outcome, ordersFault }: Account, word: Word | undefined, left: ReadonlySet<number>): boolean {
  if (word === undefined) return outcome === 'refused';
  if (ordersFault || outcome === 'whole') return true;
  // With its worker, unless that left in order; or it was refused before any had it.
  if (word.worker === undefined) return word.reason !== 'gone';
  return word.reason === 'worker-lost' && !left.has(word.worker);
}

/** Finds for the clients of one port the words about them: there are fewer, where some were closed without a word. */
function align(
  accounts: readonly Account[],
  words: readonly Word[],
  left: ReadonlySet<number>,
): readonly Pair[] {
  const [account, ...others] = accounts;
  if (account === undefined) return [];
  const [word, ...rest] = words;
  const bad = (pairs: readonly Pair[]): number => pairs.filter(([one, its]) => !fits(one, its, left)).length;
  const told: readonly Pair[] = [[account, word], ...align(others, rest, left)];
  if (accounts.length <= words.length || account.outcome !== 'refused' || bad(told) === 0) return told;
  const untold: readonly Pair[] = [[account, undefined], ...align(others, words, left)];
  return bad(untold) < bad(told) ? untold : told;
}

const mayBe =
  (code: string) =>
  (error: unknown): void => {
    if ((error as { code?: unknown }).code !== code) throw error;
  };
