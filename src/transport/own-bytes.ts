// Batches up to this size may be kept alive by a single connection's bytes.
const SMALL_BATCH = 16_384;

/**
 * The bytes to keep of a frame. A view keeps its whole batch in memory for as long as its connection does not take
 * it, so a small piece of a large batch is copied: otherwise a few idle bytes could hold half a MiB.
 */
export function ownBytes(payload: Buffer, batch: Buffer): Buffer {
  if (batch.length <= SMALL_BATCH || payload.length * 4 >= batch.length) return payload;
  // Not from Node's pool, whose slabs are as large as a batch on current versions.
  const own = Buffer.allocUnsafeSlow(payload.length);
  own.set(payload);
  return own;
}
