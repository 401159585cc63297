import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createPrefork, type Prefork } from 'forkless';
import { type Certificate } from '../e2e/certificates.ts';
import { converse, secure, tcp, type ClientSaw, type Connect } from './client.ts';
import { Neighbours, type NeighbourKind } from './neighbours.ts';
import { type Program } from './random-program.ts';

/** What ran for one connection in its server. */
export interface ServerSaw {
  /** Each with whose store it saw: `'own'`, `'none'` or a foreign one. */
  readonly events: readonly (readonly [event: string, context: string])[];
  readonly read: number;
  /** Of what was read. */
  readonly hash: string;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export interface Saw {
  readonly client: ClientSaw;
  /** `undefined`: the server has never begun with it. */
  readonly server: ServerSaw | undefined;
  /** The server has not seen the close in time. */
  readonly open: boolean;
}

/** What is announced for the next connections. */
interface Expected {
  readonly key: string;
  readonly index?: number;
  readonly handler?: unknown;
  readonly neighbour?: NeighbourKind;
}

type Told = Partial<{
  heard: number;
  started: string;
  over: string;
  said: string;
  record: ServerSaw;
  trouble: string;
  foreign: string;
}>;

/** How long a program may take, in milliseconds. */
const LIMIT = 4_000;

/** How long a worker may take to answer this test itself. */
const PATIENCE = 15_000;

export type SideKind = 'net' | 'relay' | 'transfer';

export interface SideOptions {
  readonly kind: SideKind;
  readonly allowHalfOpen: boolean;
  readonly tls?: Certificate & { readonly in: 'worker' | 'main' };
}

let channels = 0;

/** A server in one thread that plays programs, with a client for each of their connections. */
export class Side {
  readonly kind: SideKind;
  readonly #channel: InstanceType<typeof BroadcastChannel>;
  readonly #connect: Connect;
  readonly #close: () => Promise<unknown>;
  readonly #listeners = new Map<string, (told: Told) => void>();
  readonly #neighbours: Neighbours;
  #numbers = 0;
  /** What a worker has complained of. */
  readonly trouble: string[] = [];
  /** Where a neighbour saw another one's context. */
  readonly foreign: string[] = [];

  private constructor(
    kind: SideKind,
    channel: string,
    connect: Connect,
    hear: (heard: (told: Told) => void) => void,
    close: () => Promise<unknown>,
  ) {
    this.kind = kind;
    this.#channel = new BroadcastChannel(channel);
    this.#connect = connect;
    this.#close = close;
    hear((told) => {
      this.#heard(told);
    });
    this.#neighbours = new Neighbours({
      connect: async (neighbour, name) => {
        await this.#announce([{ key: name, neighbour }]);
        const started = this.#answer(`started ${name}`);
        const socket = this.#connect();
        await started;
        return socket;
      },
      trouble: (trouble) => this.trouble.push(trouble),
    });
  }

  static async open({ kind, allowHalfOpen, tls }: SideOptions): Promise<Side> {
    const channel = `differential ${process.pid} ${(channels += 1)}`;
    const connect = (port: number) => (tls ? secure(port) : tcp(port));
    if (kind === 'net') {
      const worker = new Worker(new URL('./plain.mjs', import.meta.url), {
        workerData: { channel, allowHalfOpen, tls },
      });
      const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
      return new Side(
        kind,
        channel,
        connect(port),
        (heard) => worker.on('message', heard),
        () => worker.terminate(),
      );
    }
    const server = createPrefork({
      worker: new URL('./served.mjs', import.meta.url),
      argv: [channel],
      host: '127.0.0.1',
      port: 0,
      threadHost: 'worker',
      transport: kind,
      allowHalfOpen,
      startWorkers: 1,
      minWorkers: 1,
      maxWorkers: 1,
      ...(tls && { tls }),
    });
    await server.listen();
    while (server.status().counts.ready < 1) await once(server, 'workerReady');
    const { port } = server.address() as { port: number };
    const side = new Side(
      kind,
      channel,
      connect(port),
      (heard) =>
        server.on('workerMessage', ({ message }) => {
          heard(message as Told);
        }),
      () => server.close({ grace: 0 }),
    );
    watch(server, side.trouble);
    return side;
  }

  async close(): Promise<void> {
    this.#neighbours.close();
    this.#channel.close();
    await this.#close();
  }

  /** Plays a program to its end, beside neighbours if `busy`. */
  async play({ conversations, echoes, slow }: Program, busy: boolean): Promise<Saw[]> {
    const number = (this.#numbers += 1);
    const keys = conversations.map((_, index) => `${number}.${index}`);
    await this.#neighbours.keep(busy ? { echo: echoes, slow } : { echo: 0, slow: 0 });
    await this.#announce(conversations.map(({ handler }, index) => ({ key: keys[index]!, index, handler })));
    const limit = new AbortController();
    const timer = setTimeout(() => {
      limit.abort();
    }, LIMIT);
    const over = keys.map((key) => this.#told(`over ${key}`));
    const started = keys.map((key) => this.#told(`started ${key}`));
    const clients = await Promise.all(
      conversations.map((conversation, index) =>
        converse({
          conversation,
          index,
          connect: this.#connect,
          served: started[index]!.then(() => undefined),
          limit: limit.signal,
        }),
      ),
    );
    const timeIsUp = new Promise<undefined>((resolve) => {
      if (limit.signal.aborted) resolve(undefined);
      else
        limit.signal.addEventListener('abort', () => {
          resolve(undefined);
        });
    });
    const records = await Promise.all(over.map((each) => Promise.race([each, timeIsUp])));
    clearTimeout(timer);
    await this.#neighbours.keep({ echo: 0, slow: 0 });
    const late = records.flatMap((record, index) => (record ? [] : [keys[index]!]));
    const said = late.map((key) => this.#answer(`said ${key}`));
    if (late.length > 0) this.#post({ tell: late });
    const rest = new Map((await Promise.all(said)).map((told) => [told.said, told.record]));
    for (const key of keys)
      for (const what of ['over', 'started', 'said']) this.#listeners.delete(`${what} ${key}`);
    return clients.map((client, index) => ({
      client,
      server: records[index] ? records[index].record : rest.get(keys[index]),
      open: records[index] === undefined,
    }));
  }

  #post(message: object): number {
    const number = (this.#numbers += 1);
    this.#channel.postMessage({ ...message, number });
    return number;
  }

  async #announce(expect: readonly Expected[]): Promise<void> {
    const number = this.#post({ expect });
    await this.#answer(`heard ${number}`);
  }

  /** What a program waits for ends with it: its time is bounded. */
  #told(what: string): Promise<Told> {
    return new Promise((resolve) => {
      this.#listeners.set(what, (told) => {
        this.#listeners.delete(what);
        resolve(told);
      });
    });
  }

  /** As `#told`, but throws when it takes too long: then this side is stuck. */
  async #answer(what: string): Promise<Told> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(
          new Error(`${this.kind}: nobody said '${what}' for ${PATIENCE} ms; ${this.trouble.join(', ')}`),
        );
      }, PATIENCE);
    });
    return Promise.race([this.#told(what), late]).finally(() => {
      clearTimeout(timer);
    });
  }

  #heard(told: Told): void {
    if (told.trouble !== undefined) this.trouble.push(told.trouble);
    if (told.foreign !== undefined) this.foreign.push(told.foreign);
    for (const what of ['heard', 'started', 'over', 'said'] as const)
      if (told[what] !== undefined) this.#listeners.get(`${what} ${told[what]}`)?.(told);
  }
}

function watch(server: Prefork, trouble: string[]): void {
  server.on('workerExited', ({ reason, error }) =>
    trouble.push(`worker ${reason}: ${JSON.stringify(error)}`),
  );
  server.on('handlerError', ({ error }) => trouble.push(`handler error: ${JSON.stringify(error)}`));
  server.on('drop', ({ reason }) => trouble.push(`dropped: ${reason}`));
}
