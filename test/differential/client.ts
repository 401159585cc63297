import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { bytesOf } from './bytes.mjs';
import { saidTo, type Conversation, type Deed } from './random-program.ts';

/** What a client has seen of its connection. */
export interface ClientSaw {
  readonly received: Buffer;
  /** The server has ended its side. */
  readonly ended: boolean;
  readonly error: string | undefined;
  /** It was not over in time. */
  readonly hung: boolean;
}

export interface ClientOptions {
  readonly conversation: Conversation;
  readonly index: number;
  readonly connect: Connect;
  /** Settles when the server has begun with this connection. */
  readonly served: Promise<void>;
  /** Aborted when the time is up. */
  readonly limit: AbortSignal;
}

/** Makes a connection, for the client of that number. */
export type Connect = (index?: number) => Socket;

/** Connects to the port, without ending its side when the server does. */
export const tcp =
  (port: number): Connect =>
  () =>
    connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });

const halfOpen: object = { allowHalfOpen: true };

const named = (index: number | undefined): object =>
  index === undefined ? {} : { servername: `client-${index}` };

/** The same with TLS. */
export const secure =
  (port: number): Connect =>
  (index) =>
    // The types do not know that it takes this option.
    connectTls({ ...halfOpen, port, host: '127.0.0.1', rejectUnauthorized: false, ...named(index) });

/** Plays a client's part of a program, to its close. Connects at once. */
export function converse(options: ClientOptions): Promise<ClientSaw> {
  return new PlayedClient(options).play();
}

class PlayedClient {
  readonly #options: ClientOptions;
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #closed: Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #received = 0;
  #sent = 0;
  #ended = false;
  #error: string | undefined;
  #hung = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#socket = options.connect(options.index);
    const socket = this.#socket;
    this.#closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#received += chunk.length;
      this.#slowDown(chunk.length);
      this.#moved();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#moved();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#error = error.code ?? error.message));
    socket.on('close', () => {
      this.#moved();
    });
    options.limit.addEventListener('abort', () => {
      if (socket.closed) return;
      this.#hung = true;
      socket.destroy();
    });
  }

  async play(): Promise<ClientSaw> {
    const socket = this.#socket;
    if (socket instanceof TLSSocket)
      await Promise.race([once(socket, 'secureConnect').catch(() => undefined), this.#closed]);
    for (const deed of this.#options.conversation.client.deeds) {
      if (socket.destroyed) break;
      await this.#do(deed);
    }
    await this.#until(() => this.#ended);
    if (!socket.writableEnded) socket.end();
    await this.#closed;
    const { length } = this.#chunks;
    return {
      received: length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks),
      ended: this.#ended,
      error: this.#error,
      hung: this.#hung,
    };
  }

  async #do(deed: Deed): Promise<void> {
    const socket = this.#socket;
    if (deed.deed === 'send') await this.#send(deed.size, deed.piece, deed.turns);
    else if (deed.deed === 'await') {
      const { conversation, index } = this.#options;
      const wanted = saidTo(conversation, index, this.#sent, false).length * deed.share;
      await this.#until(() => this.#received >= wanted || this.#ended);
    } else if (deed.deed === 'await-end') await this.#until(() => this.#ended);
    else if (deed.deed === 'turn') await new Promise(setImmediate);
    else if (deed.deed === 'end') socket.end();
    else {
      // Whether a connection is served that is gone before it begins is another question.
      await Promise.race([this.#options.served, this.#closed]);
      if (deed.deed === 'destroy') socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  async #send(size: number, piece: number, turns: boolean): Promise<void> {
    const socket = this.#socket;
    const bytes = bytesOf(this.#options.index, this.#sent, size);
    this.#sent += size;
    // So many turns are enough, and a turn for each of very many pieces takes long.
    const step = Math.max(piece, Math.ceil(size / 60));
    for (let at = 0; at < size && socket.writable; at += step) {
      const ready = socket.write(bytes.subarray(at, at + step));
      if (!ready)
        await Promise.race([
          once(socket, 'drain', { signal: this.#options.limit }).catch(() => undefined),
          this.#closed,
        ]);
      else if (turns) await new Promise(setImmediate);
    }
  }

  #slowDown(bytes: number): void {
    const { pace } = this.#options.conversation.client;
    if (pace === undefined) return;
    this.#socket.pause();
    // However much it is: a program has to end.
    setTimeout(() => this.#socket.resume(), Math.min(5, bytes / pace));
  }

  #moved(): void {
    for (const look of [...this.#waiting]) look();
  }

  async #until(done: () => boolean): Promise<void> {
    const over = (): boolean => done() || this.#socket.closed;
    if (over()) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!over()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }
}
