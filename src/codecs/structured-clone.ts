import { deserialize, serialize } from 'node:v8';
import { type ReferenceCodec } from '../filters/reference.ts';

/**
 * What the structured clone algorithm takes: also Map, Set, Date, BigInt, typed arrays and cycles. Its format is
 * V8's own, and a newer version may write what an older one does not read.
 */
export const structuredCloneCodec: ReferenceCodec = {
  encode: (value) => serialize(value),
  decode: (bytes): unknown => deserialize(bytes),
};
