/** Writes to a connection's stream, with a copy only where the kernel does not take the bytes. Runs in the main thread. */
import { Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { copyBytes } from '../../common/wire/copy.ts';
import { ownBytes } from '../../common/lane/own-bytes.ts';

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

/** Bytes that a stream holds; 0 for one of the user's that cannot be asked. */
export function heldBy(stream: Duplex): number {
  try {
    return stream.writableLength;
  } catch {
    return 0;
  }
}

/** Bytes of a stream that its peer has not taken, as exactly as can be seen here. */
export interface Unsent {
  /** Those of writes that have not left as a whole. */
  readonly held: number;
  /** Bytes of the write under way that the system has not taken yet. It takes a large write in parts. */
  readonly queued: number;
}

const NOTHING: Unsent = { held: 0, queued: 0 };

export function unsentBy(stream: Duplex): Unsent {
  const held = heldBy(stream);
  // What the system has not taken, the stream holds.
  if (held === 0) return NOTHING;
  const handle: unknown = stream instanceof Socket ? Reflect.get(stream, '_handle') : undefined;
  const queued: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'writeQueueSize') : undefined;
  return { held, queued: typeof queued === 'number' ? queued : 0 };
}

/** Whether some has left since `before`. The queue may have grown then: a larger write has come under way. */
export const hasLeft = (before: Unsent, now: Unsent): boolean =>
  now.held < before.held || (now.held === before.held && now.queued < before.queued);
