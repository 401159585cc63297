import { show } from '../core/errors.ts';
import { type ClientError } from './handlers.ts';

/** The end of input, as `clientError` gets it. */
export const END_OF_INPUT: ClientError = {
  operation: 'read',
  code: 'EOF',
  errno: 0,
  message: 'The peer has ended its side of the connection',
  error: undefined,
};

/** Describes for `clientError` whatever was thrown. */
export function describe(operation: ClientError['operation'], error: unknown): ClientError {
  return {
    operation,
    code: textOf(error, 'code'),
    errno: numberOf(error, 'errno'),
    message: error instanceof Error ? error.message : `thrown: ${show(error)}`,
    error,
  };
}

/** Describes an error of the socket, by the system call that failed where it is known. */
export function describeSocketError(error: unknown): ClientError {
  // An error that crossed from another thread has lost its system call; only a write can give EPIPE.
  const writing = textOf(error, 'syscall') === 'write' || textOf(error, 'code') === 'EPIPE';
  return describe(writing ? 'write' : 'read', error);
}

/** A socket can only be destroyed with an Error, but anything may be thrown. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`thrown: ${show(thrown)}`, { cause: thrown });
}

function textOf(error: unknown, field: string): string | undefined {
  const value = fieldOf(error, field);
  return typeof value === 'string' ? value : undefined;
}

function numberOf(error: unknown, field: string): number | undefined {
  const value = fieldOf(error, field);
  return typeof value === 'number' ? value : undefined;
}

function fieldOf(error: unknown, field: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, field) : undefined;
}
