/** Errors by the numbers and texts of the operating system, as callbacks of POE get them. Used in both threads. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** An error as the ancestor's callbacks get it. */
export interface SystemError {
  /** The number that the operating system has for it: positive, 0 at the end of input. */
  readonly errnum: number;
  readonly errstr: string;
}

const NUMBERS: Readonly<Record<string, number>> = constants.errno;

// The texts by which the ancestor's filters die. Theirs take the process along; ours tell ClientError.
const REASONS: ReadonlyMap<string | undefined, string> = new Map([
  ['FORKLESS_LINE_TOO_LONG', 'Next line exceeds maximum line length'],
  ['FORKLESS_BLOCK_TOO_LONG', 'Expected size of next block exceeds the limit'],
  ['FORKLESS_INPUT_OVERFLOW', 'Framing buffer exceeds the limit'],
  ['FORKLESS_BAD_BLOCK_LENGTH', 'Strange bytes removed from stream'],
]);

/** `message` stands for errors that the system does not know; they count as `EBADMSG`, since 0 would mean the end. */
export function systemError(code: string | undefined, message: string): SystemError {
  if (code === 'EOF') return { errnum: 0, errstr: '' };
  const errnum = code === undefined ? undefined : NUMBERS[code];
  if (errnum === undefined) {
    const reason = REASONS.get(code);
    const errstr = reason === undefined ? message : `${reason}: ${message}`;
    return { errnum: constants.errno.EBADMSG, errstr };
  }
  const [, text = message] = getSystemErrorMap().get(-errnum) ?? [];
  return { errnum, errstr: text.charAt(0).toUpperCase() + text.slice(1) };
}
