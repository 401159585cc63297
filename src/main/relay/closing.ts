import { type CloseReason } from '../../common/core/types.ts';
import { type CloseFrame } from '../../common/wire/messages.ts';

/**
 * Which sides are closed. The worker's closing first leaves output to deliver (lingering); the stream's closing
 * first leaves the worker to be told.
 */
export type ClosingState = 'open' | 'lingering' | 'stream-closed' | 'closed';

/** What follows when one more side closes. */
export const AFTER: Readonly<Record<'worker' | 'stream', Readonly<Record<ClosingState, ClosingState>>>> = {
  worker: { open: 'lingering', lingering: 'lingering', 'stream-closed': 'closed', closed: 'closed' },
  stream: { open: 'stream-closed', lingering: 'closed', 'stream-closed': 'stream-closed', closed: 'closed' },
};

/** Why the worker has closed its side, where it did not end in order. */
export function reasonOf({ handler, reset, dropped }: CloseFrame): CloseReason {
  if (handler === true) return 'handler-error';
  if (reset === true) return 'reset';
  return dropped === undefined ? 'peer-error' : 'output-dropped';
}
