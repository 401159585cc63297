/** Errors in Node's own words. Runs in a worker. */
import { show } from '../../common/core/thrown.ts';

// Errors in the words and with the fields of Node's own: code that runs on a net.Socket looks for these, not for a
// ForklessError.

let numbers: ReadonlyMap<string, number> | undefined;

function errnoOf(code: string): number | undefined {
  numbers ??= systemErrors();
  return numbers.get(code);
}

function systemErrors(): ReadonlyMap<string, number> {
  // Not imported: every worker's birth would wait for what most never need.
  const { getSystemErrorMap } = process.getBuiltinModule('node:util');
  return new Map([...getSystemErrorMap()].map(([errno, [name]]) => [name, errno]));
}

/** What broke the connection on the network side; only its code travels. */
export function networkError(code: string): NodeJS.ErrnoException {
  const syscall = code === 'EPIPE' ? 'write' : 'read';
  const errno = errnoOf(code);
  return Object.assign(new Error(`${syscall} ${code}`), {
    ...(errno !== undefined && { errno }),
    code,
    syscall,
  });
}

/** A write after the peer has ended its side, where that ends ours too. */
export function endedByPeer(): NodeJS.ErrnoException {
  return Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' });
}

export function argumentError(
  code: 'ERR_INVALID_ARG_TYPE' | 'ERR_OUT_OF_RANGE',
  name: string,
  expected: string,
  given: unknown,
): Error {
  const Kind = code === 'ERR_OUT_OF_RANGE' ? RangeError : TypeError;
  return Object.assign(new Kind(`The "${name}" argument must be ${expected}. Received ${show(given)}`), {
    code,
  });
}
