import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { createPrefork, type Prefork } from 'forkless';
import { lastText, type HttpProgram } from './exchange.ts';
import { HttpClient, type ExchangeSaw } from './http-client.ts';
import { Neighbours } from './neighbours.ts';
import { type SideKind } from './sides.ts';

interface HttpSaw extends ExchangeSaw {
  /** What the listener was called for, and which answers were told finished. */
  readonly events: readonly string[];
}

interface Told {
  readonly heard: number;
  readonly events: readonly (readonly string[])[];
}

/** How long a program may take, in milliseconds. */
const LIMIT = 4_000;

let channels = 0;

/** Retires workers at random moments until told to stop. */
class Moves {
  readonly #server: Prefork;
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(server: Prefork, seed: number) {
    this.#server = server;
    this.#done = this.#go(seed);
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#done;
  }

  #goesOn(): boolean {
    return !this.#stopped;
  }

  async #go(seed: number): Promise<void> {
    const draw = randomBelow(seed);
    while (this.#goesOn()) {
      for (let turns = draw(20); turns > 0 && this.#goesOn(); turns -= 1) await new Promise(setImmediate);
      const ready = this.#server.status().workers.filter(({ phase }) => phase === 'ready');
      // Somebody has to serve meanwhile.
      if (ready.length > 1) this.#server.retire(ready[draw(ready.length)]!.id);
    }
  }
}

/** A server of HTTP in one thread, with a client for each exchange. Or in some threads that come and go. */
class HttpSide {
  readonly kind: SideKind;
  readonly trouble: string[] = [];
  /** How many workers have come and gone. */
  left = 0;
  readonly #port: number;
  readonly #channel: InstanceType<typeof BroadcastChannel>;
  readonly #close: () => Promise<unknown>;
  readonly #answers = new Map<number, (told: Told) => void>();
  readonly #neighbours: Neighbours;
  /** Its workers, where they come and go. */
  #moving: Prefork | undefined;
  #numbers = 0;

  private constructor(kind: SideKind, channel: string, port: number, close: () => Promise<unknown>) {
    this.kind = kind;
    this.#port = port;
    this.#channel = new BroadcastChannel(channel);
    this.#close = close;
    this.#neighbours = new Neighbours({
      connect: (_, name) => this.#neighbour(name),
      trouble: (trouble) => this.trouble.push(trouble),
    });
  }

  static async open(kind: SideKind, moves = false): Promise<HttpSide> {
    const channel = `http ${process.pid} ${(channels += 1)}`;
    if (kind === 'net') {
      const worker = new Worker(new URL('./plain-http.mjs', import.meta.url), { workerData: { channel } });
      const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
      const plain = new HttpSide(kind, channel, port, () => worker.terminate());
      worker.on('message', (told: Told) => {
        plain.#heard(told);
      });
      return plain;
    }
    const server = createPrefork({
      worker: new URL('./served-http.mjs', import.meta.url),
      argv: [channel],
      host: '127.0.0.1',
      port: 0,
      threadHost: 'worker',
      transport: kind,
      ...(moves
        ? { startWorkers: 2, minWorkers: 2, maxWorkers: 6, maxSpareWorkers: 6 }
        : { startWorkers: 1, minWorkers: 1, maxWorkers: 1 }),
    });
    await server.listen();
    while (server.status().counts.ready < 1) await once(server, 'workerReady');
    const { port } = server.address() as { port: number };
    const side = new HttpSide(kind, channel, port, () => server.close({ grace: 0 }));
    if (moves) side.#moving = server;
    server.on('workerMessage', ({ message }) => {
      side.#heard(message as Told);
    });
    server.on('workerExited', ({ reason }) => {
      if (moves && reason === 'left') side.left += 1;
      else side.trouble.push(`worker ${reason}`);
    });
    server.on('drop', ({ reason }) => side.trouble.push(`dropped: ${reason}`));
    return side;
  }

  async close(): Promise<void> {
    this.#neighbours.close();
    this.#channel.close();
    await this.#close();
  }

  async play({ exchanges, echoes }: HttpProgram, busy: boolean): Promise<HttpSaw[]> {
    const run = (this.#numbers += 1);
    const names = exchanges.map((_, index) => `${run}.${index}`);
    await this.#neighbours.keep({ echo: busy && !this.#moving ? echoes : 0, slow: 0 });
    const moves = this.#moving && new Moves(this.#moving, run);
    const limit = new AbortController();
    const timer = setTimeout(() => {
      limit.abort();
    }, LIMIT);
    const seen = await Promise.all(
      exchanges.map((exchange, index) =>
        new HttpClient(this.#port, names[index]!, limit.signal).play(exchange),
      ),
    );
    clearTimeout(timer);
    await moves?.stop();
    await this.#neighbours.keep({ echo: 0, slow: 0 });
    // Each worker knows a part of them.
    const events = this.#moving ? names.map(() => []) : await this.#eventsOf(names);
    // Names differ from run to run.
    return seen.map((saw, index) => ({ ...saw, events: events[index]! }));
  }

  async #neighbour(name: string): Promise<Socket> {
    const socket = connect(this.#port, '127.0.0.1');
    socket.write(lastText('upgrade', name));
    // Nothing comes behind it before something is sent.
    await once(socket, 'data');
    return socket;
  }

  #eventsOf(of: readonly string[]): Promise<Told['events']> {
    const number = (this.#numbers += 1);
    return new Promise((resolve) => {
      this.#answers.set(number, ({ events }) => {
        resolve(events);
      });
      this.#channel.postMessage({ number, of });
    });
  }

  #heard(told: Told): void {
    this.#answers.get(told.heard)?.(told);
    this.#answers.delete(told.heard);
  }
}

/** `http.createServer()`, and the same listener served by forkless. */
export class HttpSides {
  readonly #kinds: readonly Exclude<SideKind, 'net'>[];
  readonly #moves: boolean;
  #open: readonly HttpSide[] = [];

  /** With `moves`, workers come and go, and what counts is what clients see. */
  constructor(kinds: readonly Exclude<SideKind, 'net'>[], moves = false) {
    this.#kinds = kinds;
    this.#moves = moves;
  }

  async open(): Promise<void> {
    const kinds = ['net', ...this.#kinds] as const;
    this.#open = await Promise.all(kinds.map((kind) => HttpSide.open(kind, this.#moves)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((side) => side.close()));
  }

  /** How many workers have come and gone. */
  get left(): number {
    return this.#open.reduce((sum, { left }) => sum + left, 0);
  }

  /** In what the others differ from Node's own. */
  async differences(program: HttpProgram): Promise<string[]> {
    const [plain, ...others] = this.#open;
    const played = await plain!.play(program, false);
    const original = this.#moves ? played.map((saw) => ({ ...saw, events: [] })) : played;
    const found: string[] = [];
    for (const side of others) {
      const seen = await side.play(program, true);
      for (const [index, saw] of seen.entries())
        found.push(
          ...compare(original[index]!, saw).map((what) => `${side.kind}: connection ${index}: ${what}`),
        );
      found.push(...side.trouble.splice(0).map((what) => `${side.kind}: ${what}`));
    }
    return found;
  }
}

/** Draws numbers from 0 up to below a bound. */
function randomBelow(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

// Rule two-tracks: requests and the ends of answers each have an order of their own.
const tracks = ({ events }: HttpSaw): unknown => [
  events.filter((event) => !event.startsWith('finish')),
  events.filter((event) => event.startsWith('finish')),
];

function compare(plain: HttpSaw, other: HttpSaw): string[] {
  const found: string[] = [];
  const pairs: Record<string, [unknown, unknown]> = {
    events: [tracks(plain), tracks(other)],
    ended: [plain.ended, other.ended],
    error: [plain.error, other.error],
    hung: [plain.hung, other.hung],
  };
  for (const [what, [one, two]] of Object.entries(pairs))
    if (JSON.stringify(one) !== JSON.stringify(two))
      found.push(`${what}: ${JSON.stringify(two)}, with http ${JSON.stringify(one)}`);
  if (plain.text !== other.text) {
    let at = 0;
    while (at < plain.text.length && plain.text[at] === other.text[at]) at += 1;
    const around = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 20), at + 80));
    found.push(
      `the answers differ at ${at}, ${other.text.length} of ${plain.text.length} bytes: ${around(other.text)}, with http ${around(plain.text)}`,
    );
  }
  return found;
}
