import { deflateSync, inflateSync } from 'node:zlib';
import { type Compression } from '../filters/reference.ts';

/** The zlib format, at zlib's default level. */
export const zlibCompression: Compression = {
  deflate: (bytes) => deflateSync(bytes),
  inflate: (bytes, most) => inflateSync(bytes, { maxOutputLength: most }),
};
