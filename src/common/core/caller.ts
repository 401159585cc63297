/** Lets the stack of a `ForklessError` begin at the user's call. Used in both threads. */
import { ForklessError, type ErrorCode } from './errors.ts';
import { fieldOf, isError, textOf } from './thrown.ts';

/**
 * An uncaught error is printed with the line at the top of its stack. These functions let the stack of a `ForklessError`
 * begin where one of this package's functions was called: the user's line, not one of a bundle.
 */
type Front = (...given: never[]) => unknown;

/** Runs the body of a public function, `front`, which must be on the stack. */
export function called<Result>(front: Front, body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    throwAt(front, error);
  }
}

/** The same where the body is asynchronous: what it rejects with later has no caller on its stack any more. */
export async function awaited<Result>(front: Front, body: () => Promise<Result>): Promise<Result> {
  const site = new ForklessError('FORKLESS_WRONG_STATE', '');
  const siteOfNode = new Error();
  for (const each of [site, siteOfNode]) Error.captureStackTrace(each, front);
  try {
    return await body();
  } catch (error) {
    if (textOf(error, 'name') === 'ForklessError') throw movedTo(site, error);
    throw isOfListening(error) ? Object.assign(withMessage(siteOfNode, error), error) : error;
  }
}

// Node's errors of a port or an address have no line of the user's, for they come later or from a call of ours.
const isOfListening = (error: unknown): error is Error =>
  isError(error) && ['listen', 'getaddrinfo'].includes(textOf(error, 'syscall') ?? '');

/** Throws the error; a `ForklessError` as from the caller of `front`, which may be a class. */
export function throwAt(front: Front | (abstract new (...given: never[]) => unknown), error: unknown): never {
  if (!isOurs(error)) throw error;
  Error.captureStackTrace(error, front);
  throw UNSHOWN['node-do-not-add-exception-line'](error);
}

// Node also prints the line of the `throw` itself, except where that has this text in it. (A comment would not be built.)
const UNSHOWN = { 'node-do-not-add-exception-line': (error: Error): Error => error };

/** Replaces methods by such as show their callers: those that throw, and those that reject. */
export function showCallers(prototype: object, calls: readonly string[], waits: readonly string[]): void {
  for (const name of [...calls, ...waits]) {
    const method = Reflect.get(prototype, name) as (...given: unknown[]) => unknown;
    const isCall = calls.includes(name);
    const shown = function (this: unknown, ...given: unknown[]): unknown {
      const run = (): unknown => Reflect.apply(method, this, given);
      return isCall ? called(shown, run) : awaited(shown, run as () => Promise<unknown>);
    };
    Object.defineProperty(shown, 'name', { value: name });
    Object.defineProperty(prototype, name, { value: shown, configurable: true, writable: true });
  }
}

// A value that is no error is not looked into: it may be a proxy that throws.
const isOurs = (thrown: unknown): thrown is ForklessError =>
  isError(thrown) && textOf(thrown, 'name') === 'ForklessError' && thrown instanceof ForklessError;

const HIDDEN = { configurable: true, writable: true, enumerable: false };

// V8 makes the text of a stack, the message included, when it is first asked for.
function withMessage(site: Error, error: unknown): Error {
  return Object.defineProperty(site, 'message', { value: textOf(error, 'message') ?? '', ...HIDDEN });
}

function movedTo(site: ForklessError, error: unknown): ForklessError {
  // One that came from a worker is only a copy, and its stack is the worker's.
  const cause = isOurs(error) ? fieldOf(error, 'cause') : error;
  withMessage(site, error);
  if (cause !== undefined) Object.defineProperty(site, 'cause', { value: cause, ...HIDDEN });
  return Object.assign(site, { code: textOf(error, 'code') as ErrorCode });
}
