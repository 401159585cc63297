/** Looks at values of user code without ever throwing, and makes errors of them. Used in both threads. */
import { type PlainError } from './types.ts';

/**
 * Looks at values of the user's: thrown, rejected, returned, or given to `destroy()`. Such a value may be anything: a
 * revoked proxy, a getter that throws, an error without a message. Nothing in this file throws, and no other file looks
 * into such values by itself.
 */

/** A field of the value, `undefined` where it has none or cannot be asked. */
export function fieldOf(value: unknown, key: string): unknown {
  try {
    return isKeyed(value) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
  } catch {
    return undefined;
  }
}

/** The same field if it is text. */
export function textOf(value: unknown, key: string): string | undefined {
  const field = fieldOf(value, key);
  return typeof field === 'string' ? field : undefined;
}

/** The same field if it is a number. */
export function numberOf(value: unknown, key: string): number | undefined {
  const field = fieldOf(value, key);
  return typeof field === 'number' ? field : undefined;
}

export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

/** Whether to `await` it: it is a promise, or its `then` cannot be read, for which awaiting it rejects. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return typeof (value as { readonly then?: unknown }).then === 'function';
  } catch {
    return true;
  }
}

/** Shows a value in a message: short and on one line. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(short(value));
  if (typeof value === 'function') {
    const name = textOf(value, 'name') ?? '';
    return name === '' ? 'a function' : `function ${short(name)}`;
  }
  if (typeof value !== 'object' || value === null) return short(String(value));
  return isArray(value) ? `an array of ${numberOf(value, 'length') ?? 0}` : 'an object';
}

/** The message of an error, or what was thrown in its place. */
export function messageOf(thrown: unknown): string {
  return isError(thrown) ? (textOf(thrown, 'message') ?? '') : `thrown: ${show(thrown)}`;
}

/** An error that a stream can be destroyed with: the value itself where it is one, else an error that tells of it. */
export function asError(thrown: unknown): Error {
  if (isError(thrown) && isDestroyCause(thrown)) return thrown;
  const error = new Error(messageOf(thrown), { cause: thrown });
  // The user's `Error.prepareStackTrace` may be what throws.
  if (!isDestroyCause(error)) error.stack = `Error: ${error.message}`;
  return Object.assign(error, systemFields(thrown));
}

/** The `error` of an event: an Error whatever was thrown, `undefined` where nothing was. */
export function errorField(thrown: unknown): Error | undefined {
  return thrown === undefined ? undefined : asError(thrown);
}

/** The same of the text that the end of a connection is told by: a code, or a message. */
export function closeError(text: string | undefined): Error | undefined {
  if (text === undefined) return undefined;
  const error = new Error(text);
  // It was made here, which says nothing about what went wrong.
  error.stack = `Error: ${text}`;
  return /^[A-Z][A-Z\d_]*$/.test(text) ? Object.assign(error, { code: text }) : error;
}

/** The error that `destroy()` may be given in place of this value. Node reads the stack of anything that it is given. */
export function destroyCause(given: unknown): unknown {
  return isDestroyCause(given) ? given : asError(given);
}

/** Makes an error fit to cross a thread boundary. */
export function toPlain(thrown: unknown): PlainError {
  if (!isError(thrown)) return { name: 'Error', message: messageOf(thrown) };
  const [name, message, code, stack] = ['name', 'message', 'code', 'stack'].map((key) => {
    const text = textOf(thrown, key);
    return text === undefined || text.length <= MOST ? text : cut(text);
  });
  return { name: name ?? 'Error', message: message ?? '', code, stack };
}

/** The far side of `toPlain`. */
export function fromPlain(plain: PlainError): Error {
  const error = new Error(plain.message);
  error.name = plain.name;
  if (plain.stack !== undefined) error.stack = plain.stack;
  return plain.code === undefined ? error : Object.assign(error, { code: plain.code });
}

/** The part of an error that the end of a connection tells. */
export interface CloseFields {
  readonly code: string | undefined;
  readonly message: string;
}

export function closeFieldsOf(thrown: unknown): CloseFields {
  return {
    code: textOf(thrown, 'code')?.slice(0, CLOSE_TEXT),
    message: messageOf(thrown).slice(0, CLOSE_TEXT),
  };
}

/** Characters of a message, a stack …: a message of megabytes must not cost the main thread as much. */
const MOST = 16_384;
const CLOSE_TEXT = 200;
const SHOWN = 80;

const cut = (text: string): string => `${text.slice(0, MOST)}… (${text.length} characters)`;

const short = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text);

const isKeyed = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

// A revoked proxy cannot be asked.
function isArray(value: object): boolean {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

// Node reads the stack at several moments, and one at which that throws leaves the stream half destroyed: so it must be no
// code of the user's that answers, neither now nor later.
function isDestroyCause(given: unknown): boolean {
  if (!isKeyed(given)) return true;
  try {
    // From now on the engine has it in store.
    Reflect.get(given, 'stack');
    return !hasOwnAnswer(given) && !(isError(given) && tagOf(given) === '[object Object]');
  } catch {
    return false;
  }
}

/** Whether code of the user's would answer for the stack. */
function hasOwnAnswer(value: object): boolean {
  const answer = propertyOf(value, 'stack');
  return answer !== undefined && !('value' in answer) && Reflect.get(answer, 'get') !== STACK_OF_ENGINE;
}

function propertyOf(value: object, key: string): PropertyDescriptor | undefined {
  for (let at: object | null = value; at !== null; at = Reflect.getPrototypeOf(at)) {
    const property = Reflect.getOwnPropertyDescriptor(at, key);
    if (property) return property;
  }
  return undefined;
}

const STACK_OF_ENGINE: unknown = Reflect.get(propertyOf(new Error(), 'stack') ?? {}, 'get');

// Tells an error from a proxy of one, and from an object that merely has its prototype.
const tagOf = (value: object): string => Object.prototype.toString.call(value);

// What tells an error of the network from others.
function systemFields(thrown: unknown): object {
  const [code, syscall, errno] = [
    textOf(thrown, 'code'),
    textOf(thrown, 'syscall'),
    numberOf(thrown, 'errno'),
  ];
  return {
    ...(code !== undefined && { code }),
    ...(syscall !== undefined && { syscall }),
    ...(errno !== undefined && { errno }),
  };
}
