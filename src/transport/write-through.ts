import { Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { copyBytes } from '../wire/copy.ts';
import { ownBytes } from './own-bytes.ts';

const SIZE = 65_536;

let scratch = Buffer.alloc(0);
let used = 0;

/**
 * Whether memory is free again as soon as the stream holds none of it back (`writableLength` is 0). It is with
 * a TCP or pipe socket: then the kernel has taken the bytes. A transform, say, may keep what it has called done.
 */
export const isDirect = (stream: Duplex): boolean => Object.getPrototypeOf(stream) === Socket.prototype;

/** Writes bytes whose memory is used again after the call. */
export function writeThrough(stream: Duplex, direct: boolean, bytes: Uint8Array, done?: () => void): void {
  const { length } = bytes;
  if (!direct || length > SIZE || stream.writableLength > 0) {
    stream.write(ownBytes(bytes), done);
    return;
  }
  if (used + length > scratch.length) {
    scratch = Buffer.allocUnsafeSlow(SIZE);
    used = 0;
  }
  const copy = scratch.subarray(used, used + length);
  copyBytes(bytes, 0, length, copy, 0);
  stream.write(copy, done);
  // What the kernel did not take at once stays the stream's; the scratch goes on behind it.
  if (stream.writableLength > 0) used = (used + length + 7) & -8;
}

/** Bytes of a stream that its peer has not taken, as exactly as can be seen here: a large write leaves bit by bit. */
export function unsentBy(stream: Duplex): number {
  const handle: unknown = stream instanceof Socket ? Reflect.get(stream, '_handle') : undefined;
  const size: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'writeQueueSize') : undefined;
  return typeof size === 'number' && size > 0 ? size : stream.writableLength;
}
