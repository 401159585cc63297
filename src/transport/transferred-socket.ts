import { Socket, type SocketConstructorOpts } from 'node:net';
import { errors } from '../core/errors.ts';
import { ADDRESS_NAMES, type Addresses, type ConnectionId } from '../core/types.ts';
import { type AcceptedOptions, type CloseFrame, type Counts, type TransferClose } from '../wire/messages.ts';

/** Whoever is told what happens to transferred sockets, and has them all alike. */
export interface TransferredOwner {
  readonly allowHalfOpen: boolean;
  readonly highWaterMark: number | undefined;
  /** Bytes that may wait before a further write; past it the socket is destroyed with `FORKLESS_OUTPUT_OVERFLOW`. */
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
  readonly #owner: TransferredOwner;
  // As they came, until somebody asks: most handlers never do.
  #addresses: string | Addresses;

  /** Of the handle of a socket that came by a port, with the options it was accepted with; `addresses` is JSON. */
  constructor(handle: object, connectionId: ConnectionId, addresses: string, owner: TransferredOwner) {
    const { allowHalfOpen, highWaterMark, accepted } = owner;
    const marks = { readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark };
    super({ handle, allowHalfOpen, manualStart: true, ...marks } as SocketConstructorOpts);
    this.connectionId = connectionId;
    this.#owner = owner;
    this.#addresses = addresses;
    const { noDelay, keepAlive, keepAliveInitialDelay } = accepted;
    // The system has kept them, but Node would ignore a handler that takes back what it does not know of.
    if (noDelay === true) this.setNoDelay(true);
    if (keepAlive === true) this.setKeepAlive(true, keepAliveInitialDelay);
  }

  get addresses(): Addresses {
    if (typeof this.#addresses === 'string') this.#addresses = JSON.parse(this.#addresses) as Addresses;
    return this.#addresses;
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    this.#owner.attends(this.connectionId);
    return super.push(chunk, encoding);
  }

  // A handler may write on and on without a look at the result; what it has corked, `client.put` does, is one write.
  override write(chunk: string, encoding?: BufferEncoding | WriteDone, done?: WriteDone): boolean {
    const { maxOutput } = this.#owner;
    const waiting = this.writableLength;
    if (waiting > maxOutput && this.writableCorked === 0 && chunk !== '')
      this.destroy(errors.outputOverflow(waiting, maxOutput));
    // Node tells the two forms apart.
    return super.write(chunk, encoding as BufferEncoding, done);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    this.#owner.closes(this, { ...countsOf(this), why: error ? whyOf(error) : undefined });
    super._destroy(error, done);
  }
}

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

const NETWORK: readonly unknown[] = ['read', 'write', 'shutdown'];

// What the network did wrong comes from Node with the number of a system error; all else is the handler's doing.
function whyOf(error: Error): CloseFrame {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const network = 'errno' in error && 'syscall' in error && NETWORK.includes(error.syscall);
  return { code, message: error.message.slice(0, 200), handler: !network };
}
