import { bytesOf } from './bytes.mjs';

// The pattern of `bytesOf` has this period, so all of it can be made once.
const PERIOD = 16_777_216;

/** The longest piece that can be asked for. */
export const PIECE = 65_536;

const made = new Map<number, Buffer>();

/** As `bytesOf`, without making the bytes anew: do not change them. */
export function pieceAt(seed: number, from: number, size: number = PIECE): Buffer {
  let all = made.get(seed);
  if (!all) made.set(seed, (all = Buffer.concat([bytesOf(seed, 0, PERIOD), bytesOf(seed, 0, PIECE)])));
  const at = from % PERIOD;
  return all.subarray(at, at + size);
}

/** Whether a chunk is what belongs there. */
export function rightAt(seed: number, from: number, chunk: Buffer): boolean {
  for (let at = 0; at < chunk.length; at += PIECE) {
    const part = chunk.subarray(at, at + PIECE);
    if (!pieceAt(seed, from + at, part.length).equals(part)) return false;
  }
  return true;
}
