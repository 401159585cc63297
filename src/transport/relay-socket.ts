import { Duplex } from 'node:stream';
import { type Addresses, type ConnectionId, type Millis } from '../core/types.ts';
import { CreditWindow } from '../wire/credit.ts';
import { FRAME } from '../wire/frames.ts';
import { encodeJson, type CloseFrame } from '../wire/messages.ts';
import { type Lane } from './lane.ts';
import { Outflow } from './outflow.ts';
import { ownBytes } from './own-bytes.ts';

export interface RelaySocketOptions {
  readonly id: ConnectionId;
  readonly addresses: Addresses;
  readonly lane: Lane;
  /** Credit per direction, bytes. */
  readonly window: number;
  readonly allowHalfOpen: boolean;
  readonly highWaterMark: number | undefined;
  /** The socket is closed and has said so; told once. */
  readonly over: () => void;
}

type WriteDone = (error?: Error | null) => void;

/**
 * A relayed connection in its worker, with the surface of a `net.Socket` as far as it can have it. Bytes written
 * count as delivered once the main thread has them; a reset, an error or a half-close of the peer shows as on a
 * real socket.
 */
export class RelaySocket extends Duplex {
  readonly connectionId: ConnectionId;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly localFamily: string | undefined;
  readonly connecting = false;
  readonly pending = false;
  /** Milliseconds of `setTimeout`, 0 when none is set, as on a `net.Socket`. */
  timeout: Millis = 0;
  bytesRead = 0;
  bytesWritten = 0;

  readonly #lane: Lane;
  readonly #outflow: Outflow;
  readonly #inflow: CreditWindow;
  readonly #over: () => void;
  #unread = 0;
  #writeDone: WriteDone | undefined;
  #idle: NodeJS.Timeout | undefined;
  #peerClosed = false;
  #resetting = false;

  constructor({ id, addresses, lane, window, allowHalfOpen, highWaterMark, over }: RelaySocketOptions) {
    super({ allowHalfOpen, decodeStrings: true, ...(highWaterMark !== undefined && { highWaterMark }) });
    this.connectionId = id;
    this.remoteAddress = addresses.remoteAddress;
    this.remotePort = addresses.remotePort;
    this.remoteFamily = addresses.remoteFamily;
    this.localAddress = addresses.localAddress;
    this.localPort = addresses.localPort;
    this.localFamily = addresses.localFamily;
    this.#lane = lane;
    this.#over = over;
    this.#inflow = new CreditWindow(window);
    this.#outflow = new Outflow(lane, id, window, () => {
      this.#sent();
    });
  }

  get readyState(): 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.readable && this.writable) return 'open';
    if (this.readable) return 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** Bytes written that have not left this thread. */
  get bufferSize(): number {
    return this.writableLength;
  }

  address(): { address: string; family: string; port: number } | Record<string, never> {
    const { localAddress, localFamily, localPort } = this;
    if (localAddress === undefined || localFamily === undefined || localPort === undefined) return {};
    return { address: localAddress, family: localFamily, port: localPort };
  }

  setNoDelay(enable: unknown = true): this {
    this.#lane.control(
      FRAME.call,
      this.connectionId,
      encodeJson({ call: 'noDelay', enable: Boolean(enable) }),
    );
    return this;
  }

  setKeepAlive(enable: unknown = false, delay: Millis = 0): this {
    const wait = Number.isFinite(delay) ? Math.max(0, delay) : 0;
    const frame = encodeJson({ call: 'keepAlive', enable: Boolean(enable), delay: wait });
    this.#lane.control(FRAME.call, this.connectionId, frame);
    return this;
  }

  /** Emits 'timeout' after so many milliseconds without a byte either way; 0 turns it off, as on a `net.Socket`. */
  setTimeout(timeout: Millis, listener?: () => void): this {
    this.timeout = timeout;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    if (listener !== undefined) {
      if (timeout === 0) this.removeListener('timeout', listener);
      else this.once('timeout', listener);
    }
    if (timeout > 0 && !this.destroyed) {
      this.#idle = setTimeout(() => {
        this.emit('timeout');
      }, timeout);
      this.#idle.unref();
    }
    return this;
  }

  /** Does nothing: a worker lives as long as the master lets it, not as long as its sockets. */
  ref(): this {
    return this;
  }

  /** Does nothing; see `ref`. */
  unref(): this {
    return this;
  }

  /** Ends the writable side and destroys the socket once everything is written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else
      this.once('finish', () => {
        this.destroy();
      });
  }

  /** Closes with a TCP reset where the connection is TCP. */
  resetAndDestroy(): this {
    this.#resetting = true;
    return this.destroy();
  }

  /** @internal Bytes came for this socket. */
  receive(payload: Buffer): void {
    this.#inflow.received(payload.length);
    if (this.destroyed || this.readableEnded) return;
    this.bytesRead += payload.length;
    this.#unread += payload.length;
    this.#idle?.refresh();
    if (this.push(ownBytes(payload))) this.#consumed();
  }

  /** @internal The peer has ended its side. */
  receiveEnd(): void {
    if (!this.destroyed) this.push(null);
  }

  /** @internal The connection is closed on the main thread's side. */
  receiveClose(frame: CloseFrame): void {
    this.#peerClosed = true;
    if (frame.code === undefined) {
      this.#closeInOrder();
      return;
    }
    const error = new Error(`read ${frame.code}`);
    this.destroy(Object.assign(error, { code: frame.code, syscall: 'read' }));
  }

  /** @internal */
  receiveCredit(bytes: number): void {
    this.#outflow.grant(bytes);
  }

  override _read(): void {
    this.#consumed();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.bytesWritten += chunk.length;
    this.#idle?.refresh();
    if (this.#outflow.write(chunk)) done();
    else this.#writeDone = done;
  }

  override _writev(writes: { chunk: Buffer; encoding: BufferEncoding }[], done: WriteDone): void {
    this.#idle?.refresh();
    let sent = true;
    for (const { chunk } of writes) {
      this.bytesWritten += chunk.length;
      sent = this.#outflow.write(chunk);
    }
    if (sent) done();
    else this.#writeDone = done;
  }

  override _final(done: WriteDone): void {
    this.#outflow.end();
    done();
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    clearTimeout(this.#idle);
    this.#outflow.discard();
    if (this.#resetting && !this.#peerClosed) this.#lane.control(FRAME.reset, this.connectionId);
    const why = error && !this.#peerClosed ? closeFrame(error) : undefined;
    this.#lane.control(FRAME.close, this.connectionId, why && encodeJson(why));
    const writeDone = this.#writeDone;
    this.#writeDone = undefined;
    this.#over();
    done(error);
    writeDone?.(error ?? new Error('The socket was closed before all was written'));
  }

  // Bytes that came before the close are still to be read; only then the socket closes.
  #closeInOrder(): void {
    if (this.readableEnded || this.destroyed) {
      this.destroy();
      return;
    }
    if (!this.readableFlowing && this.readableLength === 0) this.resume();
    this.push(null);
    this.once('end', () => {
      this.destroy();
    });
  }

  #sent(): void {
    const done = this.#writeDone;
    this.#writeDone = undefined;
    done?.();
  }

  #consumed(): void {
    const bytes = this.#unread;
    if (bytes === 0) return;
    this.#unread = 0;
    const grant = this.#inflow.consumed(bytes);
    if (grant > 0 && !this.destroyed) this.#lane.credit(this.connectionId, grant);
  }
}

function closeFrame(error: Error): CloseFrame {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { code, message: error.message.slice(0, 200), handler: true };
}
