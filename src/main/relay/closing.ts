/**
 * How a relayed connection closes, seen from the main thread: a pure table, and the reason that is told. Either side may
 * close first: the worker's socket, or the stream to the peer.
 */
import { type CloseReason } from '../../common/core/types.ts';
import { type CloseFrame } from '../../common/wire/messages.ts';

/** Which sides are closed: none, the worker's (its last output is still delivered), the stream's, or both. */
export type ClosingState = 'open' | 'lingering' | 'stream-closed' | 'closed';

/** A side that closes, for whatever reason. */
export type Closer = 'worker' | 'stream';

/**
 * The main thread's task when a side closes. `linger`: deliver the rest of the output, then close the stream. `tell`: let
 * the worker know. `closed`: both sides are closed, so the connection is.
 */
export type ClosingTask = 'linger' | 'tell' | 'closed' | 'nothing';

/** One row of the table. */
export interface Closing {
  readonly to: ClosingState;
  readonly task: ClosingTask;
}

/** The state that follows when a side closes, and the task that comes with it. */
export const CLOSING: Readonly<Record<Closer, Readonly<Record<ClosingState, Closing>>>> = {
  worker: {
    open: { to: 'lingering', task: 'linger' },
    lingering: { to: 'lingering', task: 'nothing' },
    'stream-closed': { to: 'closed', task: 'closed' },
    closed: { to: 'closed', task: 'nothing' },
  },
  stream: {
    open: { to: 'stream-closed', task: 'tell' },
    lingering: { to: 'closed', task: 'closed' },
    'stream-closed': { to: 'stream-closed', task: 'nothing' },
    closed: { to: 'closed', task: 'nothing' },
  },
};

/** The reason for which the worker closed its side, where it did not end in order. */
export function reasonOf({ handler, reset, dropped }: CloseFrame): CloseReason {
  if (handler === true) return 'handler-error';
  if (reset === true) return 'reset';
  return dropped === undefined ? 'peer-error' : 'output-dropped';
}
