import { Socket, type SocketConstructorOpts } from 'node:net';
import { closeFieldsOf, destroyCause, numberOf, textOf } from '../../common/core/thrown.ts';
import { ADDRESS_NAMES, type Addresses, type ConnectionId } from '../../common/core/types.ts';
import { joinPieces } from './join-pieces.ts';
import { mustWait, OutputBound } from './output-bound.ts';
import { endScope, type Scope } from '../../common/user-code/scope.ts';
import {
  type AcceptedOptions,
  type CloseFrame,
  type Counts,
  type TransferClose,
} from '../../common/wire/messages.ts';

/** Whoever is told what happens to transferred sockets, and has them all alike. */
export interface TransferredOwner {
  readonly allowHalfOpen: boolean;
  readonly highWaterMark: number | undefined;
  /**
   * What may wait before a further write, in bytes; past it the socket is destroyed with `FORKLESS_OUTPUT_OVERFLOW`.
   */
  readonly maxOutput: number;
  readonly accepted: AcceptedOptions;
  /** Bytes have come, and user code may run for them. */
  attends(id: ConnectionId): void;
  /** It closes; told once. */
  closes(socket: TransferredSocket, end: TransferClose): void;
}

type WriteDone = (error?: Error | null) => void;

/** A socket that was moved to this thread, with what is known of it besides. */
export class TransferredSocket extends Socket {
  readonly connectionId: ConnectionId;
  /** @internal */
  readonly scope: Scope;
  readonly #owner: TransferredOwner;
  /** Once something waits: most sockets never need it. */
  #bound: OutputBound | undefined;
  #resetting = false;
  /** Chunks that wait to be read, at most. */
  #pieces = 0;
  /** Node knows how the socket is; until then it is as it was accepted. */
  #noDelayKnown: boolean;
  // As they came, until somebody asks: most handlers never do.
  #addresses: string | Addresses;

  /** Of the handle of a socket that came by a port, with the options it was accepted with; `addresses` is JSON. */
  constructor(
    handle: object,
    { id, addresses, scope }: { id: ConnectionId; addresses: string; scope: Scope },
    owner: TransferredOwner,
  ) {
    const { allowHalfOpen, highWaterMark, accepted } = owner;
    const marks = { readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark };
    super({ handle, allowHalfOpen, manualStart: true, ...marks } as SocketConstructorOpts);
    this.connectionId = id;
    this.scope = scope;
    this.#owner = owner;
    this.#addresses = addresses;
    const { noDelay, keepAlive, keepAliveInitialDelay } = accepted;
    this.#noDelayKnown = noDelay !== true;
    // The system has kept it, but Node would ignore a handler that takes back what it does not know of.
    if (keepAlive === true) this.setKeepAlive(true, keepAliveInitialDelay);
  }

  get addresses(): Addresses {
    if (typeof this.#addresses === 'string') this.#addresses = JSON.parse(this.#addresses) as Addresses;
    return this.#addresses;
  }

  // As that of `keepAlive`; but hardly anybody takes it back, and telling Node would cost each connection a system call.
  override setNoDelay(enable = true): this {
    if (!this.#noDelayKnown && enable) return this;
    if (!this.#noDelayKnown) super.setNoDelay(true);
    this.#noDelayKnown = true;
    return super.setNoDelay(enable);
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    this.#owner.attends(this.connectionId);
    const goOn = super.push(chunk, encoding);
    if (chunk instanceof Uint8Array) {
      const waits = this.readableLength > chunk.length;
      this.#pieces = waits ? joinPieces(this, this.#pieces + 1) : 1;
    }
    return goOn;
  }

  /** What may wait before a further write, in bytes. */
  get maxOutput(): number {
    return this.#owner.maxOutput;
  }

  /** What waits to be written, in bytes, with what each write costs. */
  get outputCost(): number {
    return this.#bound?.cost ?? this.writableLength;
  }

  override write(chunk: string, encoding?: BufferEncoding | WriteDone, done?: WriteDone): boolean {
    const before = this.writableLength;
    const waits = mustWait(this, chunk, this.#bound);
    // Node tells the two forms apart.
    const goOn = super.write(chunk, encoding as BufferEncoding, done);
    if (waits) (this.#bound ??= new OutputBound(this, this.maxOutput)).wrote(this.writableLength - before);
    return goOn;
  }

  override cork(): void {
    if (this.writableCorked === 0) this.#bound?.corked();
    super.cork();
  }

  // What the kernel is given waits no more here but as one: the bytes of it count until they have left, its writes do not.
  override _write(chunk: unknown, encoding: BufferEncoding, done: WriteDone): void {
    this.#bound?.left(1);
    super._write(chunk, encoding, done);
  }

  override _writev(writes: { chunk: unknown; encoding: BufferEncoding }[], done: WriteDone): void {
    this.#bound?.left(writes.length);
    super._writev?.(writes, done);
  }

  override resetAndDestroy(): this {
    this.#resetting = true;
    return super.resetAndDestroy();
  }

  // Given any value: destroying never throws, as little as on a relayed socket.
  override destroy(error?: Error): this {
    return super.destroy(destroyCause(error) as Error | undefined);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    const why = error ? whyOf(error) : this.#cutOff();
    this.#owner.closes(this, { ...countsOf(this), why });
    super._destroy(error, done);
    // Node emits 'close' between these two turns.
    setImmediate(laterEndScope, this.scope);
  }

  #cutOff(): CloseFrame | undefined {
    if (this.#resetting) return { reset: true };
    return this.writableLength > 0 ? { dropped: this.writableLength } : undefined;
  }
}

const laterEndScope = (scope: Scope): void => {
  setImmediate(endScope, scope);
};

// Node forgets them when the peer or this side has closed; handlers ask later. TypeScript has them as fields, which no
// accessor of a class may replace.
for (const name of ADDRESS_NAMES) {
  Object.defineProperty(TransferredSocket.prototype, name, {
    get(this: TransferredSocket) {
      return this.addresses[name];
    },
    configurable: true,
    enumerable: true,
  });
}

/** What has come from its peer and left for it, in all. */
export function countsOf({ bytesRead, bytesWritten, writableLength }: Socket): Counts {
  const written = bytesWritten - writableLength;
  // Strings wait by their length and are sent by their bytes; and no garbage goes to the main thread.
  return { read: bytesRead, written: written > 0 ? written : 0 };
}

const NETWORK: readonly (string | undefined)[] = ['read', 'write', 'shutdown'];

// What the network did wrong comes from Node with the number of a system error; all else is the handler's doing.
function whyOf(error: unknown): CloseFrame {
  const network = numberOf(error, 'errno') !== undefined && NETWORK.includes(textOf(error, 'syscall'));
  return { ...closeFieldsOf(error), handler: !network };
}

/**
 * Takes the handle out of a socket that came by a port, for another one to be made of: Node makes the one that came
 * without the options it was accepted with, and as an object with a dictionary of its fields, which costs a tenth of a
 * small request. Node documents the handle nowhere; `canTransfer` has asked for it.
 */
export function takeHandle(socket: Socket): object {
  const handle = Reflect.get(socket, '_handle') as object;
  Reflect.set(socket, '_handle', null);
  return handle;
}
