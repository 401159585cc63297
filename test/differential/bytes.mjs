/** Bytes that tell whose they are and where they belong. */
export function bytesOf(seed, from, size) {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at += 1) {
    const place = from + at;
    bytes[at] = (seed * 83 + place * 31 + (place >>> 8) * 7 + (place >>> 16)) & 255;
  }
  return bytes;
}

// What a server says of its own is told from what it echoes by the seed.
const OWN = 101;

/** What the handler of connection `index` says by itself. */
export const ownBytesOf = (index, from, size) => bytesOf(OWN + index, from, size);
