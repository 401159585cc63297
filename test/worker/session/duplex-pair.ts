import { Duplex } from 'node:stream';
import { Scopes } from '../../../src/common/user-code/scope.ts';
import { type ServedSocket } from '../../../src/worker/session/served-socket.ts';

type Done = (error?: Error | null) => void;

/** One end of a connection in memory: what one end writes, the other reads, with back-pressure and half-close. */
class End extends Duplex {
  other: End | undefined;
  #unread: Done | undefined;

  override _read(): void {
    const done = this.#unread;
    this.#unread = undefined;
    done?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    if (!this.other || this.other.destroyed) done(broken('write', 'EPIPE', -32));
    else this.other.receive(chunk, done);
  }

  override _final(done: Done): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    const unread = this.#unread;
    this.#unread = undefined;
    unread?.(broken('write', 'EPIPE', -32));
    if (this.other && !this.other.destroyed && !this.other.readableEnded) this.other.push(null);
    done(error);
  }

  receive(chunk: Buffer, done: Done): void {
    if (this.push(chunk)) done();
    else this.#unread = done;
  }

  /** Breaks the connection as a TCP reset does. */
  reset(): void {
    this.other?.destroy(broken('read', 'ECONNRESET', -104));
    this.destroy();
  }
}

const scopes = new Scopes();

class ServedEnd extends End implements ServedSocket {
  readonly connectionId = 7;
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort = 50_000;
  readonly remoteFamily = 'IPv4';
  readonly localAddress = '192.0.2.2';
  readonly localPort = 10_000;
  readonly localFamily = 'IPv4';
  readonly bytesRead = 0;
  readonly bytesWritten = 0;
  readonly maxOutput = Infinity;
  readonly scope = scopes.create();

  get outputCost(): number {
    return this.writableLength;
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}

export function broken(syscall: string, code: string, errno: number): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { syscall, code, errno });
}

export interface DuplexPair {
  readonly socket: ServedEnd;
  readonly peer: End;
}

/** `highWaterMark` in bytes, of every buffer on the way (default 16 KiB). */
export function duplexPair(highWaterMark = 16_384): DuplexPair {
  const socket = new ServedEnd({ allowHalfOpen: true, highWaterMark });
  const peer = new End({ allowHalfOpen: true, highWaterMark });
  socket.other = peer;
  peer.other = socket;
  peer.on('error', () => undefined);
  return { socket, peer };
}
