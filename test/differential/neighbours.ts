import { type Socket } from 'node:net';
import { PIECE, pieceAt, rightAt } from './pattern.ts';

export type NeighbourKind = 'echo' | 'slow';

export interface NeighboursOptions {
  /** A connection that its server plays as such a neighbour, under that name. */
  readonly connect: (kind: NeighbourKind, name: string) => Promise<Socket>;
  readonly trouble: (trouble: string) => void;
}

// How long it may take until one of them hears something, in milliseconds.
const PATIENCE = 15_000;
// How much one of them has under way at most.
const UNDER_WAY = 8 * PIECE;

/** Connections that keep the worker of the others busy for as long as they are asked to, and check their own bytes. */
export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #all: Record<NeighbourKind, Neighbour[]> = { echo: [], slow: [] };

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /** Settles when so many of each kind have been heard of anew; the others rest. */
  async keep(wanted: Readonly<Record<NeighbourKind, number>>): Promise<void> {
    for (const kind of ['echo', 'slow'] as const) {
      const list = this.#all[kind];
      while (list.length < wanted[kind]) {
        const name = `neighbour ${kind} ${list.length}`;
        list.push(new Neighbour(kind, await this.#options.connect(kind, name), name, this.#options.trouble));
      }
      await Promise.all(list.map((each, n) => each.work(n < wanted[kind])));
    }
  }

  close(): void {
    for (const each of [...this.#all.echo, ...this.#all.slow]) each.close();
  }
}

class Neighbour {
  readonly #kind: NeighbourKind;
  readonly #socket: Socket;
  readonly #name: string;
  readonly #trouble: (trouble: string) => void;
  #works = false;
  #sent = 0;
  #heard = 0;
  #closing = false;
  #onHeard: (() => void) | undefined;

  constructor(kind: NeighbourKind, socket: Socket, name: string, trouble: (trouble: string) => void) {
    this.#kind = kind;
    this.#socket = socket;
    this.#name = name;
    this.#trouble = trouble;
    if (kind === 'slow') socket.write('say');
    socket.on('data', (chunk: Buffer) => {
      this.#hear(chunk);
    });
    socket.on('error', (error) => {
      trouble(`${name}: ${error.message}`);
    });
    socket.on('close', () => {
      if (!this.#closing) trouble(`${name} was closed after ${this.#heard} bytes`);
      this.#onHeard?.();
    });
  }

  async work(works: boolean): Promise<void> {
    this.#works = works;
    if (this.#kind === 'slow' && !works) this.#socket.pause();
    if (!works || this.#socket.closed) return;
    const heard = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new Error(`${this.#name} heard nothing for ${PATIENCE} ms: ${this.#heard} of ${this.#sent} bytes`),
        );
      }, PATIENCE);
      this.#onHeard = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (this.#kind === 'slow') this.#socket.resume();
    else this.#say();
    await heard;
  }

  close(): void {
    this.#closing = true;
    this.#socket.destroy();
    this.#onHeard?.();
  }

  #say(): void {
    while (this.#works && this.#sent - this.#heard < UNDER_WAY) {
      this.#socket.write(pieceAt(2, this.#sent));
      this.#sent += PIECE;
    }
  }

  #hear(chunk: Buffer): void {
    const seed = this.#kind === 'echo' ? 2 : 1;
    if (!rightAt(seed, this.#heard, chunk)) {
      this.#trouble(`${this.#name} got wrong bytes at ${this.#heard}`);
      this.close();
    }
    this.#heard += chunk.length;
    this.#onHeard?.();
    this.#onHeard = undefined;
    if (this.#kind === 'echo') this.#say();
    else {
      this.#socket.pause();
      if (this.#works)
        setTimeout(() => {
          if (this.#works) this.#socket.resume();
        }, 2);
    }
  }
}
