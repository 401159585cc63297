import { describe, expect, it } from 'vitest';
import { type RelaySocket } from '../../src/worker/sockets/relay-socket.ts';
import { generator } from '../main/policy/simulation.ts';
import { collect, LANES, MOVES, nextTurn, pattern, Rig } from './rig.ts';
import { few } from '../effort.ts';

// A relayed socket has short ways past its streams, for bytes that need not wait. What a handler does just then, each seed
// does in another order; the seeds are always the same.
const SEEDS = Array.from({ length: 8 }, (_, n) => n * 10);

const READERS = ['data', 'latin1', 'readable'] as const;

/** Writes and reads by whim, also while it is told of what it has read. */
class WhimsicalHandler {
  readonly #socket: RelaySocket;
  readonly #random: () => number;
  readonly #chunks: Buffer[] = [];
  readonly #total: number;
  #written = 0;
  #asked = 0;
  /** Chunks that came against its will: paused, or in another form than it asked for. */
  odd = 0;
  /** Numbers of the writes that were called back, as they came. */
  readonly calledBack: number[] = [];

  constructor(socket: RelaySocket, random: () => number, total: number) {
    this.#socket = socket;
    this.#random = random;
    this.#total = total;
  }

  get read(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get asked(): number {
    return this.#asked;
  }

  get left(): number {
    return this.#total - this.#written;
  }

  listen(how: (typeof READERS)[number]): void {
    const socket = this.#socket;
    if (how === 'latin1') socket.setEncoding('latin1');
    if (how !== 'readable')
      socket.on('data', (chunk) => {
        this.#take(chunk as Buffer | string, true);
      });
    else
      socket.on('readable', () => {
        for (let chunk; (chunk = socket.read() as Buffer | null) !== null;) this.#take(chunk, false);
      });
  }

  write(most: number): void {
    const size = Math.min(this.left, 1 + Math.floor(this.#random() * most));
    if (size <= 0) return;
    const bytes = pattern(this.#written, size);
    this.#written += size;
    this.#writeBy(this.#random(), bytes);
  }

  #writeBy(whim: number, bytes: Buffer): void {
    const socket = this.#socket;
    if (whim < 0.4) socket.write(bytes);
    else if (whim < 0.5) socket.write(bytes, this.#callback());
    else if (whim < 0.6) socket.write(bytes.toString('latin1'), 'latin1', this.#callback());
    else if (whim < 0.7) socket.write(new Uint8Array(bytes));
    else {
      socket.cork();
      socket.write(bytes);
      const uncork = (): void => {
        socket.uncork();
      };
      if (whim < 0.8) uncork();
      else if (whim < 0.9) process.nextTick(uncork);
      else setImmediate(uncork);
    }
  }

  #callback(): () => void {
    const number = this.#asked;
    this.#asked += 1;
    return () => this.calledBack.push(number);
  }

  #take(chunk: Buffer | string, pauses: boolean): void {
    const unasked = pauses && this.#socket.isPaused();
    if (unasked || (typeof chunk === 'string') !== (this.#socket.readableEncoding !== null)) this.odd += 1;
    this.#chunks.push(Buffer.from(chunk as string, 'latin1'));
    if (this.#random() < 0.3) this.write(500);
    if (!pauses || this.#random() > 0.1) return;
    this.#socket.pause();
    if (this.#random() < 0.5) this.#socket.resume();
    else setImmediate(() => this.#socket.resume());
  }
}

describe.each(LANES)('over the %s lane, a handler of whims', (lane) => {
  async function live(seed: number): Promise<void> {
    const random = generator(seed);
    const one = <T>(...of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
    const rig = new Rig({
      lane,
      window: one(1, 2, 7, 64, 100, 1_024, 5_000, 65_536),
      capacity: one(256, 512, 4_096, 65_536),
      highWaterMark: one(1, 16, 1_000, 16_384),
      connected: () => undefined,
    });
    const { client, socket } = await rig.serve(one(1, 100, 16_384));
    const taken = collect(client);
    const [down, up] = [Math.floor(random() * 12_000), Math.floor(random() * 12_000)];
    const handler = new WhimsicalHandler(socket, random, up);
    handler.listen(one(...READERS));
    let sent = 0;
    const send = (most: number): void => {
      const size = Math.min(down - sent, most);
      if (size > 0) client.write(pattern(sent, size));
      sent += size;
    };
    for (let step = 0; step < 100; step += 1) {
      const whim = random();
      if (whim < 0.3) send(Math.floor(random() * 900));
      else if (whim < 0.5) handler.write(random() < 0.1 ? 5_000 : 300);
      else if (whim < 0.6) await nextTurn();
      else if (whim < 0.65) socket.pause();
      else if (whim < 0.7) {
        // So that more comes while the stream is about to flow again.
        socket.resume();
        for (const move of MOVES) rig.move(move);
      } else rig.move(one(...MOVES));
    }
    socket.resume();
    send(down);
    client.end();
    await rig.settle();
    while (handler.left > 0) handler.write(3_000);
    // What it has corked it will uncork.
    await nextTurn();
    await nextTurn();
    socket.end();
    await rig.settle();
    await rig.settle();
    const seen = `seed ${seed}`;
    expect(handler.odd, seen).toBe(0);
    expect(handler.read.equals(pattern(0, down)), seen).toBe(true);
    expect(taken().equals(pattern(0, up)), seen).toBe(true);
    expect(handler.calledBack, seen).toEqual(Array.from({ length: handler.asked }, (_, n) => n));
    expect([socket.bytesRead, socket.bytesWritten], seen).toEqual([down, up]);
    expect([rig.broken, rig.socketErrors, rig.over.length, rig.hub.open, rig.relay.open], seen).toEqual([
      [],
      [],
      1,
      0,
      0,
    ]);
  }

  it.each(few(SEEDS))('loses, doubles and reorders nothing (seeds from %i)', async (seed) => {
    for (let n = 0; n < 10; n += 1) await live(seed + n);
  });
});
