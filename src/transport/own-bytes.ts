import { markAsUntransferable } from 'node:worker_threads';

const SLAB = 16_384;

// What is larger gets memory of its own: of a slab, it would leave too much unused.
const SMALL = SLAB / 4;

let slab = Buffer.alloc(0);
let used = 0;

function nextSlab(): void {
  slab = Buffer.allocUnsafeSlow(SLAB);
  used = 0;
  // Moved to another thread by a handler, it would take the bytes of other connections along.
  markAsUntransferable(slab.buffer);
}

/**
 * A copy of bytes in memory that is used again. Not from Node's pool: a few bytes that are kept hold 16 KiB here at
 * most, there 64 KiB on current versions.
 */
export function ownBytes(bytes: Uint8Array): Buffer {
  const { length } = bytes;
  if (length > SMALL) {
    const own = Buffer.allocUnsafeSlow(length);
    own.set(bytes);
    return own;
  }
  if (used + length > slab.length) nextSlab();
  const own = slab.subarray(used, used + length);
  own.set(bytes);
  // Copying from and to multiples of eight is much quicker.
  used = (used + length + 7) & -8;
  return own;
}
