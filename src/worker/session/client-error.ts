/** Makes the error that the handler `clientError` gets, from the end of input or from whatever was thrown. */
import { messageOf, numberOf, textOf } from '../../common/core/thrown.ts';
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
    message: messageOf(error),
    error,
  };
}

/** Describes an error of the socket, by the system call that failed where it is known. */
export function describeSocketError(error: unknown): ClientError {
  // An error that crossed from another thread has lost its system call; only a write can give EPIPE.
  const writing = textOf(error, 'syscall') === 'write' || textOf(error, 'code') === 'EPIPE';
  return describe(writing ? 'write' : 'read', error);
}
