import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { createPrefork, type Prefork, type PreforkEvents, type PreforkOptions } from 'forkless';

/** A plain TCP client that collects what it is sent. */
export class Peer {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  ended = false;
  error: NodeJS.ErrnoException | undefined;
  readonly closed: Promise<void>;

  constructor(port: number | string) {
    this.socket = typeof port === 'string' ? connect(port) : connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => this.#chunks.push(chunk));
    this.socket.on('end', () => (this.ended = true));
    this.socket.on('error', (error) => (this.error = error));
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        resolve();
      }),
    );
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  send(text: string | Uint8Array): this {
    this.socket.write(text);
    return this;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      const heard = (): void => {
        for (const name of ['data', 'end', 'close']) this.socket.off(name, heard);
        resolve();
      };
      for (const name of ['data', 'end', 'close']) this.socket.on(name, heard);
    });
  }

  /** Resolves with everything received once it matches; rejects when the connection ends before. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.socket.destroyed || this.ended)
        throw new Error(`ended before ${String(pattern)}: ${this.text}`);
      await this.#more();
    }
    return this.text;
  }
}

/** All that a stream brings, as text. */
export async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** The path of a worker module in test/handlers. */
export const handlers = (name: string): URL => new URL(`../handlers/${name}.mjs`, import.meta.url);

/**
 * A prefork on a free port of the loopback. It steals nothing unless `options` say so: on a busy machine a worker takes up
 * a connection late, and most tests count on which worker serves which client.
 */
export async function started(
  name: string,
  options: PreforkOptions = {},
): Promise<{ server: Prefork; port: number; peer: () => Peer }> {
  const server = createPrefork({
    worker: handlers(name),
    host: '127.0.0.1',
    port: 0,
    threadHost: 'worker',
    startWorkers: 2,
    maxWorkers: 4,
    masterHeartbeat: 400,
    workerHeartbeat: 100,
    stealAfter: Infinity,
    ...options,
    ...(options.path !== undefined && { host: undefined, port: undefined }),
  });
  const address = await server.listen();
  while (server.status().counts.starting > 0) await once(server, 'workerReady');
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { server, port, peer: () => new Peer(options.path ?? port) };
}

/** The next event of that name that satisfies `matches`. */
export async function event(
  server: Prefork,
  name: keyof PreforkEvents,
  matches: (argument: never) => boolean = () => true,
): Promise<unknown> {
  return new Promise((resolve) => {
    const listener = (argument: never): void => {
      if (!matches(argument)) return;
      server.off(name, listener as never);
      resolve(argument);
    };
    server.on(name, listener as never);
  });
}
