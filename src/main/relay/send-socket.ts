/** Sends a socket to a worker, where Node can. Runs in the main thread. */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { type Duplex } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { type Connection } from './connection.ts';

let able: boolean | undefined;

/**
 * Whether this Node can move a socket to another thread (24.21, 26.6 and later can). A socket without a
 * handle is never moved: a Node that can move sockets refuses this one, and an older Node refuses every socket.
 */
export function canTransfer(): boolean {
  return (able ??= probe() && '_handle' in new Socket());
}

function probe(): boolean {
  const { port1 } = new MessageChannel();
  try {
    port1.postMessage(undefined, [new Socket() as never]);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_HANDLE_NOT_TRANSFERABLE';
  } finally {
    port1.close();
  }
  return false;
}

/**
 * Whether a connection is worth the try: a TCP socket that nobody has read from. Node has the last word when it is
 * sent. TLS sockets are of another class, and Unix sockets have no address.
 */
export const isTransferable = ({ stream, addresses }: Connection): boolean =>
  stream instanceof Socket &&
  Object.getPrototypeOf(stream) === Socket.prototype &&
  addresses.remoteAddress !== undefined &&
  stream.bytesRead === 0;

/**
 * Sends a socket; if that fails, returns what is to be served here instead. With no file descriptor free, Node loses the
 * message without an error, and leaves the socket without closing it: its peer would wait for ever. Node tells nowhere
 * officially, but then the handle is still open, and makes a socket again. Where a handle cannot be looked at, the
 * socket counts as sent.
 */
export function sendOff(stream: Duplex, send: () => unknown): Duplex | undefined {
  const handle: unknown = Reflect.get(stream, '_handle');
  try {
    send();
  } catch {
    return stream;
  }
  if (!isOpen(handle)) return undefined;
  return stream.destroyed ? new Socket({ handle, allowHalfOpen: true } as SocketConstructorOpts) : stream;
}

const isOpen = (handle: unknown): boolean =>
  typeof handle === 'object' &&
  handle !== null &&
  'fd' in handle &&
  typeof handle.fd === 'number' &&
  handle.fd >= 0;
