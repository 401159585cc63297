/** Reads sockets without an allocation for each read. Runs in the main thread. */
import { Socket } from 'node:net';

/** A read gives so many bytes at most. */
export const READ_SIZE = 65_536;

interface Fields {
  readonly buffer: symbol;
  readonly callback: symbol;
}

const named = (socket: Socket, name: string): symbol | undefined =>
  Object.getOwnPropertySymbols(socket).find(({ description }) => description === name);

function find(): Fields | undefined {
  const probe = new Socket();
  const buffer = named(probe, 'kBuffer');
  const callback = named(probe, 'kBufferCb');
  // Without the third one, Node would replace the buffer by what a generator gives.
  const generator = named(probe, 'kBufferGen');
  probe.destroy();
  return buffer && callback && generator ? { buffer, callback } : undefined;
}

let fields: Fields | undefined;
let looked = false;
let scratch: Buffer | undefined;

interface Handle {
  useUserBuffer(buffer: Uint8Array): void;
}

const isHandle = (handle: unknown): handle is Handle =>
  typeof handle === 'object' &&
  handle !== null &&
  'useUserBuffer' in handle &&
  typeof handle.useUserBuffer === 'function';

/** Gets what a socket reads, in memory that is used again after the call. */
export interface DirectReader {
  read(bytes: Uint8Array): void;
}

const READER: unique symbol = Symbol('forkless.reader');

interface Read {
  [READER]?: DirectReader;
}

// One function for all sockets: Node calls it as a method of the socket.
function onRead(this: Read, size: number, buffer: Buffer): boolean {
  this[READER]?.read(buffer.subarray(0, size));
  // Pausing is the reader's own matter.
  return true;
}

/**
 * Gives `reader` what the socket reads; 'data' is not emitted any more. False: this cannot be done with this socket.
 *
 * All sockets read into one buffer, as `net.connect()` has it with `onread`: without it, each read costs an allocation
 * of 64 KiB. Node has no documented way for sockets that a server accepted, so this file sets the three fields that the
 * option sets. Where a Node has them no more, this refuses, and the reader listens to 'data'.
 */
export function readDirectly(stream: object, reader: DirectReader): boolean {
  if (Object.getPrototypeOf(stream) !== Socket.prototype) return false;
  const socket = stream as Socket;
  if (!looked) fields = find();
  looked = true;
  const handle: unknown = Reflect.get(socket, '_handle');
  if (fields === undefined || !isHandle(handle) || socket.readableLength > 0 || socket.destroyed)
    return false;
  const buffer = (scratch ??= Buffer.allocUnsafeSlow(READ_SIZE));
  (socket as Read)[READER] = reader;
  Reflect.set(socket, fields.buffer, buffer);
  Reflect.set(socket, fields.callback, onRead);
  handle.useUserBuffer(buffer);
  return true;
}
