/** The interface for the length in front of a block, and its default form of decimal digits. Runs in a worker. */

/** How the length of a block is written in front of it. */
export interface LengthCodec {
  /** The bytes that say that `length` bytes follow. */
  encode(length: number): Uint8Array | string;
  /**
   * Reads a length from the beginning of the input, of which it sees the first 64 bytes at most. `undefined`: more
   * is needed, which with 64 bytes it must not say. A result without `length` says that the first `size` bytes are
   * garbage. A throw says that the input makes no sense from here on.
   */
  decode(bytes: Buffer): BlockLength | undefined;
}

export interface BlockLength {
  /** Bytes that the length itself takes, 1 or more. */
  readonly size: number;
  /** Bytes of the block behind it, 0 or more. */
  readonly length?: number;
}

const ZERO = 0x30;
const NINE = 0x39;
// Lengths of so many digits are exact numbers.
const MOST_DIGITS = 15;

/** Decimal digits and a NUL byte. Other bytes are garbage; a number that is no exact one leaves nothing to go on from. */
export const decimalLength: LengthCodec = {
  encode: (length) => `${length}\0`,
  decode(bytes) {
    let digits = 0;
    while (digits <= MOST_DIGITS && isDigit(bytes[digits])) digits += 1;
    if (digits === 0) return { size: leadingGarbage(bytes) };
    // Skipping the first of them would read the rest as a length that nobody sent.
    if (digits > MOST_DIGITS) throw new RangeError(`more than ${MOST_DIGITS} digits`);
    if (digits === bytes.length) return undefined;
    if (bytes[digits] !== 0) return { size: digits };
    return { size: digits + 1, length: Number(bytes.toString('latin1', 0, digits)) };
  },
};

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function leadingGarbage(bytes: Buffer): number {
  const end = bytes.findIndex(isDigit);
  return end === -1 ? bytes.length : end;
}
