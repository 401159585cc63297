import { Socket } from 'node:net';
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

interface State {
  readonly owner: TransferredOwner;
  /** As they came, until somebody asks: most handlers never do. */
  addresses: string | Addresses;
}

type WriteDone = (error?: Error | null) => void;

const STATE: unique symbol = Symbol('forkless.transferred');

/** A socket that was moved to this thread: Node's own, and what is known of it besides. */
export interface TransferredSocket extends Socket {
  readonly connectionId: ConnectionId;
  readonly [STATE]: State;
}

type Self = TransferredSocket;

// Node forgets them when the peer or this side has closed; handlers ask later.
const KNOWN: readonly (readonly [string, PropertyDescriptor])[] = ADDRESS_NAMES.map((name) => [
  name,
  {
    get(this: Self) {
      return addressesOf(this)[name];
    },
    configurable: true,
    enumerable: true,
  },
]);

function addressesOf(socket: Self): Addresses {
  const state = socket[STATE];
  if (typeof state.addresses === 'string') state.addresses = JSON.parse(state.addresses) as Addresses;
  return state.addresses;
}

function push(this: Self, chunk: unknown, encoding?: BufferEncoding): boolean {
  this[STATE].owner.attends(this.connectionId);
  return Socket.prototype.push.call(this, chunk, encoding);
}

// A handler may write on and on without a look at the result; what it has corked, `client.put` does, is one write.
function write(this: Self, chunk: string, encoding?: BufferEncoding, done?: WriteDone): boolean {
  const { maxOutput } = this[STATE].owner;
  const waiting = this.writableLength;
  if (waiting > maxOutput && this.writableCorked === 0 && chunk !== '')
    this.destroy(errors.outputOverflow(waiting, maxOutput));
  return Socket.prototype.write.call(this, chunk, encoding, done);
}

function destroy(this: Self, error: Error | null, done: WriteDone): void {
  this[STATE].owner.closes(this, { ...countsOf(this), why: error ? whyOf(error) : undefined });
  Socket.prototype._destroy.call(this, error, done);
}

/** What has come from its peer and left for it, in all. */
export function countsOf({ bytesRead, bytesWritten, writableLength }: Socket): Counts {
  const written = bytesWritten - writableLength;
  // Strings wait by their length and are sent by their bytes; and no garbage goes to the main thread.
  return { read: bytesRead, written: written > 0 ? written : 0 };
}

/** Makes one of a socket that came by a port, with the options it was accepted with; `addresses` is JSON. */
export function adopt(
  socket: Socket,
  connectionId: ConnectionId,
  addresses: string,
  owner: TransferredOwner,
): TransferredSocket {
  // Only Node can make a socket of a handle, so this is no class of ours. Nor does it become one: a new prototype gives
  // each object a shape of its own, and all code that touches it gets slower for ever.
  const state: State = { owner, addresses };
  const adopted = Object.assign(socket, { [STATE]: state, connectionId, push, write, _destroy: destroy });
  for (const [name, known] of KNOWN) Object.defineProperty(adopted, name, known);
  const { allowHalfOpen, highWaterMark, accepted } = owner;
  const { noDelay, keepAlive, keepAliveInitialDelay } = accepted;
  adopted.allowHalfOpen = allowHalfOpen;
  if (highWaterMark !== undefined) setHighWaterMark(adopted, highWaterMark);
  // The system has kept them, but Node would ignore a handler that takes back what it does not know of.
  if (noDelay === true) adopted.setNoDelay(true);
  if (keepAlive === true) adopted.setKeepAlive(true, keepAliveInitialDelay);
  return adopted;
}

/** What a socket reads and writes ahead, which Node lets one choose only when it makes one. */
function setHighWaterMark(socket: Socket, bytes: number): void {
  for (const name of ['_readableState', '_writableState']) {
    const state: unknown = Reflect.get(socket, name);
    // Were it ever gone, the socket would keep Node's own mark.
    if (typeof state === 'object' && state !== null && 'highWaterMark' in state) state.highWaterMark = bytes;
  }
}

const NETWORK: readonly unknown[] = ['read', 'write', 'shutdown'];

// What the network did wrong comes from Node with the number of a system error; all else is the handler's doing.
function whyOf(error: Error): CloseFrame {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const network = 'errno' in error && 'syscall' in error && NETWORK.includes(error.syscall);
  return { code, message: error.message.slice(0, 200), handler: !network };
}
