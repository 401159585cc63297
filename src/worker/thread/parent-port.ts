/** Guards `parentPort`: messages of user code go by the worker's own port instead, and their number is bounded. */
import { parentPort } from 'node:worker_threads';
import { type BootSlot, type Transfer, type TransferGiven } from '../../common/boot/boot-data.ts';
import { isWatched, isWatchReport } from '../../common/boot/watch-report.ts';
import { errors } from '../../common/core/errors.ts';
import { enter, leave } from '../../common/wire/backlog.ts';
import { type ToMain } from '../../common/wire/messages.ts';

const transferred = (given: TransferGiven | undefined): Transfer =>
  given === undefined || Array.isArray(given) ? (given ?? []) : ('transfer' in given && given.transfer) || [];

/** Posts a message of user code; throws `FORKLESS_MESSAGES_OVERFLOW` while the quota is used up. */
export function postAsUser(
  { port, quota }: Pick<BootSlot, 'port' | 'quota'>,
  value: unknown,
  transfer?: TransferGiven,
): void {
  const message: ToMain = { kind: 'message', value };
  if (quota && !enter(quota.backlog, quota.most)) throw errors.messagesOverflow(quota.most);
  try {
    port.postMessage(message, transferred(transfer));
  } catch (error) {
    // It cannot be cloned, and was not sent.
    if (quota) leave(quota.backlog);
    throw error;
  }
}

/**
 * Makes what user code posts to `parentPort` arrive as a `message` on the boot port. On its own way it would kill the
 * task on tinypool, and `null` would throw in the main thread. The pools need `parentPort` only before their task.
 * From then on `postMessage` throws `FORKLESS_MESSAGES_OVERFLOW` while the quota is used up. What Node itself posts by it
 * goes on its own way.
 */
export function guardParentPort({ port, quota }: Pick<BootSlot, 'port' | 'quota'>): void {
  if (parentPort === null) return;
  const watched = isWatched();
  const own = parentPort.postMessage.bind(parentPort);
  const postMessage = (value: unknown, transfer?: TransferGiven): void => {
    if (watched && isWatchReport(value)) own(value);
    else postAsUser({ port, ...(quota && { quota }) }, value, transfer);
  };
  Object.defineProperty(parentPort, 'postMessage', {
    value: postMessage,
    configurable: true,
    writable: true,
  });
}
