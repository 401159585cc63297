/** The codec by which a `ReferenceFilter` sends values as structured clones. Runs in a worker. */
import { deserialize, serialize } from 'node:v8';
import { DEFAULT_LIMITS } from '../filters/decode-budget.ts';
import { type ReferenceCodec } from '../filters/reference.ts';
import { checkClone } from './clone-format.ts';

/**
 * Values of the structured clone algorithm: besides those of JSON also Map, Set, Date, BigInt, typed arrays, errors and
 * cycles. The format is V8's own, and a newer version may write a value in a form that an older one does not read, so it
 * suits two programs of your own.
 *
 * `v8.deserialize()` trusts the lengths in its input and aborts the process when one is too large. `decode` therefore
 * checks the whole input first and refuses everything that V8 would not have written, and whatever would take too much
 * memory (see `checkClone`). A RegExp is refused when V8 could not parse it quickly: longer than 256 characters, with
 * `\p`, or with the flag `v`. The rest of the work is done by V8's native code in your process: a fault in it is a fault
 * of this codec. Use `jsonCodec` between strangers.
 */
export const structuredCloneCodec: ReferenceCodec = {
  encode: (value) => serialize(value),
  decode: (bytes, limits = DEFAULT_LIMITS): unknown => {
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
