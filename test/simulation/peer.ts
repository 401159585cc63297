import { type Duplex } from 'node:stream';

/** Bytes that tell their place in the stream of one peer. */
function pattern(seed: number, from: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let n = 0; n < size; n += 1)
    bytes[n] = (Math.imul(from + n + 1, 2_654_435_761 + seed * 2) >>> 13) & 255;
  return bytes;
}

/** A client that sends bytes of its own and checks that those, and no others, come back in order. */
export class SimulatedPeer {
  readonly stream: Duplex;
  readonly seed: number;
  /** Never sends anything. */
  readonly mute: boolean;
  sent = 0;
  received = 0;
  /** What it did last with its side. */
  side: 'open' | 'ended' | 'destroyed' = 'open';
  /** The server has ended its side. */
  heardEnd = false;
  closed = false;

  constructor(stream: Duplex, seed: number, mute: boolean) {
    this.stream = stream;
    this.seed = seed;
    this.mute = mute;
    stream.on('data', (bytes: Buffer) => {
      this.#check(bytes);
    });
    stream.on('end', () => {
      this.heardEnd = true;
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.closed = true;
    });
  }

  get isWhole(): boolean {
    return this.heardEnd && this.received === this.sent;
  }

  /** For a while it does not read; whoever has ended only waits for the rest. */
  pause(): void {
    if (this.side === 'open') this.stream.pause();
  }

  write(size: number): void {
    if (this.mute || this.side !== 'open' || this.stream.writableNeedDrain || this.closed) return;
    this.stream.write(pattern(this.seed, this.sent, size));
    this.sent += size;
  }

  end(): void {
    if (this.side !== 'open') return;
    this.side = 'ended';
    this.stream.resume();
    this.stream.end();
  }

  destroy(): void {
    if (this.closed) return;
    this.side = 'destroyed';
    this.stream.destroy();
  }

  #check(bytes: Buffer): void {
    const expected = pattern(this.seed, this.received, bytes.length);
    if (!expected.equals(bytes))
      throw new Error(`peer ${this.seed} got other bytes than it sent, at ${this.received}`);
    this.received += bytes.length;
    if (this.received > this.sent) throw new Error(`peer ${this.seed} got more bytes than it sent`);
  }
}
