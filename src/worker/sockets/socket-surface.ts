/** The part of a relayed socket that looks like a `net.Socket`. Runs in a worker. */
import { Duplex, type DuplexOptions } from 'node:stream';
import { type Addresses, type ConnectionId, type Millis } from '../../common/core/types.ts';
import { MAX_WAIT } from '../../common/core/check.ts';
import { destroyCause } from '../../common/core/thrown.ts';
import { endScope, within, type Scope } from '../../common/user-code/scope.ts';
import { argumentError, endedByPeer } from './socket-errors.ts';

export interface SurfaceOptions {
  readonly id: ConnectionId;
  readonly addresses: Addresses;
  readonly scope: Scope;
  readonly allowHalfOpen: boolean;
  readonly highWaterMark: number | undefined;
}

type WriteDone = (error?: Error | null) => void;

/**
 * A Duplex with all that a connected `net.Socket` has, except its handle: names, errors and the order of events are Node's.
 * It is no `instanceof net.Socket`, because code that asks for that goes on to use the handle.
 */
export abstract class SocketSurface extends Duplex {
  readonly connectionId: ConnectionId;
  /** @internal */
  readonly scope: Scope;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly localFamily: string | undefined;
  readonly connecting = false;
  /** Milliseconds as last set by `setTimeout`. */
  timeout: Millis | undefined;
  bytesRead = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor({ id, addresses, scope, allowHalfOpen, highWaterMark }: SurfaceOptions) {
    const marks: DuplexOptions = highWaterMark === undefined ? {} : { highWaterMark };
    // 'close' is emitted in `_destroy`: that of a net.Socket tells whether there was an error.
    super({ allowHalfOpen, decodeStrings: true, emitClose: false, ...marks });
    this.connectionId = id;
    this.scope = scope;
    this.remoteAddress = addresses.remoteAddress;
    this.remotePort = addresses.remotePort;
    this.remoteFamily = addresses.remoteFamily;
    this.localAddress = addresses.localAddress;
    this.localPort = addresses.localPort;
    this.localFamily = addresses.localFamily;
    this.on('end', this.#ended);
  }

  /** Bytes that were taken from the write buffer. */
  protected abstract get dispatched(): number;
  /** The bytes among them that the stream still counts as buffered, since their write is not done. */
  protected abstract get inFlight(): number;

  /** Bytes written, with the bytes that are still buffered. */
  get bytesWritten(): number {
    return this.dispatched + (this.destroyed ? 0 : this.writableLength - this.inFlight);
  }

  get pending(): boolean {
    return this.destroyed;
  }

  get readyState(): 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.readable && this.writable) return 'open';
    if (this.readable) return 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** Bytes that have not left this thread. */
  get bufferSize(): number | undefined {
    return this.destroyed ? undefined : this.writableLength;
  }

  address(): { address: string; family: string; port: number } | Record<string, never> {
    const { localAddress, localFamily, localPort } = this;
    if (localAddress === undefined || localFamily === undefined || localPort === undefined) return {};
    return { address: localAddress, family: localFamily, port: localPort };
  }

  /**
   * Emits 'timeout' after so many milliseconds without a byte either way; 0 turns it off. Throws as Node does:
   * `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`.
   */
  setTimeout(timeout: Millis, listener?: () => void): this {
    if (this.destroyed) return this;
    checkTimeout(timeout);
    this.timeout = timeout;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    if (listener !== undefined) {
      checkCallback(listener);
      if (timeout === 0) this.removeListener('timeout', listener);
      else this.once('timeout', listener);
    }
    if (timeout === 0) return this;
    this.#idle = setTimeout(
      () => {
        this.emit('timeout');
      },
      Math.min(timeout, MAX_WAIT),
    );
    this.#idle.unref();
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

  /** Never throws, whatever it is given: an error that Node cannot look at is replaced by one that has it as `cause`. */
  override destroy(error?: Error): this {
    return super.destroy(destroyCause(error) as Error | undefined);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    clearTimeout(this.#idle);
    done(error);
    // The 'close' comes after everything else in this turn, as that of a handle does.
    setImmediate(() => {
      try {
        within(this.scope, () => this.emit('close', error !== null));
      } finally {
        endScope(this.scope);
      }
    });
  }

  /** Bytes moved: the time of `setTimeout` starts anew. */
  protected active(): void {
    this.#idle?.refresh();
  }

  // The emitter is `this`, so that no socket needs a closure of its own.
  #ended(this: SocketSurface): void {
    if (!this.allowHalfOpen) this.#refuseWrites();
  }

  #refuseWrites(): void {
    const write = this.write.bind(this) as (...given: unknown[]) => boolean;
    const refuse = (chunk: unknown, encoding?: unknown, told?: unknown): boolean => {
      if (!this.writableEnded) return write(chunk, encoding, told);
      const error = endedByPeer();
      const callback = typeof encoding === 'function' ? encoding : told;
      if (typeof callback === 'function') process.nextTick(callback, error);
      this.destroy(error);
      return false;
    };
    this.write = refuse;
  }
}

function checkTimeout(timeout: unknown): void {
  if (typeof timeout !== 'number')
    throw argumentError('ERR_INVALID_ARG_TYPE', 'msecs', 'of type number', timeout);
  if (!(timeout >= 0 && Number.isFinite(timeout)))
    throw argumentError('ERR_OUT_OF_RANGE', 'msecs', 'a non-negative finite number', timeout);
}

function checkCallback(listener: unknown): void {
  if (typeof listener !== 'function')
    throw argumentError('ERR_INVALID_ARG_TYPE', 'callback', 'of type function', listener);
}
