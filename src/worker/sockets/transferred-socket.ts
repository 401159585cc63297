/** A transferred connection as its handlers get it. Runs in a worker. */
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

/** The owner of all transferred sockets of a worker: it has the settings that they share, and is told what they do. */
export interface TransferredOwner {
  readonly allowHalfOpen: boolean;
  readonly highWaterMark: number | undefined;
  /**
   * Bytes that may wait before a further write; past it the socket is destroyed with `FORKLESS_OUTPUT_OVERFLOW`.
   */
  readonly maxOutput: number;
  readonly accepted: AcceptedOptions;
  /** Bytes have come, and user code may run for them. */
  attends(id: ConnectionId): void;
  /** The socket closes; told once. */
  closes(socket: TransferredSocket, end: TransferClose): void;
}

type WriteDone = (error?: Error | null) => void;

/** A socket that was moved to this thread, with its number, its addresses and its scope. */
export class TransferredSocket extends Socket {
  readonly connectionId: ConnectionId;
  /** @internal */
  readonly scope: Scope;
  readonly #owner: TransferredOwner;
  /** Made when something waits: most sockets never need it. */
  #bound: OutputBound | undefined;
  #resetting = false;
  /** Chunks that wait to be read, at most. */
  #pieces = 0;
  /** Whether Node has been told of `noDelay`. The system has it from the moment of accepting. */
  #noDelayKnown: boolean;
  // The text stays as it came until somebody asks for the addresses: most handlers never do.
  #addresses: string | Addresses;

  /** `handle` is that of a socket that came by a port; `addresses` is JSON. */
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
    // The system has kept this option, but Node does not know: it would ignore a handler that switches it off.
    if (keepAlive === true) this.setKeepAlive(true, keepAliveInitialDelay);
  }

  get addresses(): Addresses {
    if (typeof this.#addresses === 'string') this.#addresses = JSON.parse(this.#addresses) as Addresses;
    return this.#addresses;
  }

  // Node does not know of this option either. It is told only by a handler that switches it off, as hardly any does: telling
  // it costs a system call.
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

  /** Bytes that may wait before a further write. */
  get maxOutput(): number {
    return this.#owner.maxOutput;
  }

  /** The cost of the writes that wait, in bytes. */
  get outputCost(): number {
    return this.#bound?.cost ?? this.writableLength;
  }

  override write(chunk: string, encoding?: BufferEncoding | WriteDone, done?: WriteDone): boolean {
    const before = this.writableLength;
    const waits = mustWait(this, chunk, this.#bound);
    // Node distinguishes an encoding from a callback.
    const goOn = super.write(chunk, encoding as BufferEncoding, done);
    if (waits) (this.#bound ??= new OutputBound(this, this.maxOutput)).wrote(this.writableLength - before);
    return goOn;
  }

  override cork(): void {
    if (this.writableCorked === 0) this.#bound?.corked();
    super.cork();
  }

  // Writes that the kernel is given wait no more. Their bytes count until they have left, but no longer their number.
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

  // A handler may give any value. As on a relayed socket, destroying never throws.
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

// Node forgets the addresses when either side has closed, but handlers ask later. They are defined here and not in the
// class, since for TypeScript they are fields, which no accessor may replace.
for (const name of ADDRESS_NAMES) {
  Object.defineProperty(TransferredSocket.prototype, name, {
    get(this: TransferredSocket) {
      return this.addresses[name];
    },
    configurable: true,
    enumerable: true,
  });
}

/** Bytes that have come from the peer and left for it, in all. */
export function countsOf({ bytesRead, bytesWritten, writableLength }: Socket): Counts {
  const written = bytesWritten - writableLength;
  // This may be below 0: strings count by their length while they wait, and by their bytes when they are sent.
  return { read: bytesRead, written: written > 0 ? written : 0 };
}

const NETWORK: readonly (string | undefined)[] = ['read', 'write', 'shutdown'];

// Errors of the network have the number of a system error; all others come from the handler.
function whyOf(error: unknown): CloseFrame {
  const network = numberOf(error, 'errno') !== undefined && NETWORK.includes(textOf(error, 'syscall'));
  return { ...closeFieldsOf(error), handler: !network };
}

/**
 * Takes the handle out of a socket that came by a port, so that another socket can be made of it. The socket that Node made
 * lacks the options it was accepted with, and keeps its fields in a dictionary, which costs a tenth of a small request.
 * Node documents the handle nowhere; `canTransfer` has looked for it.
 */
export function takeHandle(socket: Socket): object {
  const handle = Reflect.get(socket, '_handle') as object;
  Reflect.set(socket, '_handle', null);
  return handle;
}
