import { deserialize, serialize } from 'node:v8';
import { type ReferenceCodec } from '../filters/reference.ts';
import { checkClone } from './clone-format.ts';

/**
 * What the structured clone algorithm takes: also Map, Set, Date, BigInt, typed arrays, errors and cycles. Its format is
 * V8's own, and a newer version may write what an older one does not read: it is for two programs of your own.
 *
 * `v8.deserialize()` believes the lengths in its input, and can abort the process for them. Whatever comes is therefore
 * looked through before: see `checkClone`. A RegExp that V8 cannot parse quickly (longer than 256 characters, with `\\p`
 * or the flag `v`) is refused too. What can be told apart stays V8's code, in the process itself: between strangers, JSON
 * is the safer choice.
 */
export const structuredCloneCodec: ReferenceCodec = {
  encode: (value) => serialize(value),
  decode: (bytes, limits): unknown => {
    const { hasViews } = checkClone(bytes, limits);
    // A view is made over the input itself, which may be part of what other connections have sent.
    return deserialize(hasViews ? ownCopy(bytes) : bytes);
  },
};

function ownCopy(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}
