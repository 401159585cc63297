import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { createPrefork } from 'forkless';
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

/** A server of HTTP in one thread, with a client for each exchange. */
class HttpSide {
  readonly kind: SideKind;
  readonly trouble: string[] = [];
  readonly #port: number;
  readonly #channel: InstanceType<typeof BroadcastChannel>;
  readonly #close: () => Promise<unknown>;
  readonly #answers = new Map<number, (told: Told) => void>();
  readonly #neighbours: Neighbours;
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

  static async open(kind: SideKind): Promise<HttpSide> {
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
      startWorkers: 1,
      minWorkers: 1,
      maxWorkers: 1,
    });
    await server.listen();
    while (server.status().counts.ready < 1) await once(server, 'workerReady');
    const { port } = server.address() as { port: number };
    const side = new HttpSide(kind, channel, port, () => server.close({ grace: 0 }));
    server.on('workerMessage', ({ message }) => {
      side.#heard(message as Told);
    });
    server.on('workerExited', ({ reason }) => side.trouble.push(`worker ${reason}`));
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
    await this.#neighbours.keep({ echo: busy ? echoes : 0, slow: 0 });
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
    await this.#neighbours.keep({ echo: 0, slow: 0 });
    const events = await this.#eventsOf(names);
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
  #open: readonly HttpSide[] = [];

  constructor(kinds: readonly Exclude<SideKind, 'net'>[]) {
    this.#kinds = kinds;
  }

  async open(): Promise<void> {
    this.#open = await Promise.all((['net', ...this.#kinds] as const).map((kind) => HttpSide.open(kind)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((side) => side.close()));
  }

  /** In what the others differ from Node's own. */
  async differences(program: HttpProgram): Promise<string[]> {
    const [plain, ...others] = this.#open;
    const original = await plain!.play(program, false);
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
