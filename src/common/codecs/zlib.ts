/** The compression by which a `ReferenceFilter` sends fewer bytes. Runs in a worker. */
import { deflateSync, inflateSync } from 'node:zlib';
import { DecodeRefusal } from '../filters/decode-budget.ts';
import { type Compression } from '../filters/reference.ts';

const MOST_ROOM = 16 * 1024;
const LEAST_ROOM = 64;

/** The zlib format, at zlib's default level. */
export const zlibCompression: Compression = {
  deflate: (bytes) => deflateSync(bytes),
  // Room by the size of the input: zlib takes 16 KiB by default, and holds it to the end of the turn when the input
  // is bad. A read full of bad references of a few bytes each would take a gigabyte.
  inflate: (bytes, most) => {
    const chunkSize = Math.min(MOST_ROOM, Math.max(LEAST_ROOM, 4 * bytes.length));
    try {
      return inflateSync(bytes, { maxOutputLength: most, chunkSize });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new DecodeRefusal(`inflated it has more than ${most} bytes (limit \`maxInflated\`)`);
    }
  },
};
