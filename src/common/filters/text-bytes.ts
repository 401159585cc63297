/** The option `encoding` of filters, and the bytes of text that they send. Used in both threads. */
import { oneOf } from '../core/check.ts';
import { show } from '../core/thrown.ts';

/** How text becomes bytes and back: `'latin1'` makes one byte of each character, and has none above U+00FF. */
export type TextEncoding = 'utf8' | 'latin1';

const WIDE = /[^\0-\xff]/;

/** The option `encoding`. Throws `FORKLESS_BAD_OPTION`. */
export function textEncoding(encoding: unknown = 'utf8'): TextEncoding {
  return oneOf('encoding', encoding, ['utf8', 'latin1']);
}

/** Throws a `RangeError` for a character that `encoding` does not have. */
export function bytesOf(text: string, encoding: TextEncoding): Buffer {
  if (encoding === 'latin1') refuseWide(text);
  return Buffer.from(text, encoding);
}

/** A record that is sent: bytes, or text. Programs without types give anything; then it throws a `TypeError`. */
export function bytesOrText(record: unknown): Uint8Array | string {
  if (typeof record === 'string' || record instanceof Uint8Array || isForeignBytes(record)) return record;
  throw new TypeError(`Expected a record to be a string or a Uint8Array, got ${show(record)}`);
}

// Test runners give each test globals of its own.
const isForeignBytes = (value: unknown): value is Uint8Array =>
  Object.prototype.toString.call(value) === '[object Uint8Array]';

// Cut to eight bits, U+010A would become a line feed and a record two.
function refuseWide(text: string): void {
  const wide = WIDE.exec(text);
  if (wide === null) return;
  const code = text.charCodeAt(wide.index).toString(16).toUpperCase().padStart(4, '0');
  throw new RangeError(`Wide character U+${code} in a record: latin1 has none above U+00FF`);
}

export function isWide(text: string): boolean {
  return WIDE.test(text);
}
