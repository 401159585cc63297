// The verdict on a worker that has ended: for which reason, by which error, and how its clients are closed. Pure: it
// only judges what the worker handle has seen.
import { errors } from '../../common/core/errors.ts';
import { HOW_TO_PLACE_CALLS } from '../../common/core/module-call.ts';
import { isUnplaced, placeOfSyntaxError } from '../../common/core/syntax-error.ts';
import { asError, errorField, isError, messageOf, show } from '../../common/core/thrown.ts';
import { type CloseReason, type ExitReason, type LeaveReason } from '../../common/core/types.ts';
import { type ThreadExit } from '../threads/host.ts';

/** All that the worker handle has seen of a worker by the time its thread has ended. */
export interface Seen {
  /** URL of its module. */
  readonly url: string;
  /** It belongs to a call of `prefork()`. */
  readonly ofCall: boolean;
  /** It told that it was ready. */
  readonly wasReady: boolean;
  /** It told that it leaves in order. */
  readonly toldLeaving: boolean;
  /** Why it had been asked to leave, or was killed; `undefined` if nobody had. */
  readonly why: LeaveReason | undefined;
  /** Why it did not boot: as it told itself, or since it took too long; `undefined` where neither is known. */
  readonly bootError: Error | undefined;
  /** How the thread ended. */
  readonly exit: ThreadExit;
}

export interface Verdict {
  readonly reason: ExitReason;
  /** The error that it ended by; `undefined` where there was none. */
  readonly error: Error | undefined;
}

export function exitVerdict(seen: Seen): Verdict {
  const reason = reasonOf(seen);
  return { reason, error: errorOf(reason, seen) };
}

/** Why the clients are closed that a worker had when it ended. */
export const clientsClosedBy = (why: LeaveReason | undefined): CloseReason =>
  why === 'closing' ? 'closing' : 'worker-lost';

function reasonOf({ toldLeaving, wasReady, why, exit }: Seen): ExitReason {
  // A worker that does its last work before it leaves may still crash in it, or be killed.
  if (toldLeaving && exit.reason === 'exited') return 'left';
  return wasReady || !isBootFailure(why) ? exit.reason : 'boot-failed';
}

/** Whether a worker that was never ready has failed: a worker that was asked to leave while it booted has not. */
const isBootFailure = (why: LeaveReason | undefined): boolean =>
  why === undefined || why === 'boot-timeout' || why === 'garbage';

function errorOf(reason: ExitReason, seen: Seen): Error | undefined {
  const { error: thrown } = seen.exit;
  const wentWrong = reason === 'boot-failed' || seen.bootError !== undefined || thrown !== undefined;
  if (!seen.wasReady && wentWrong) return bootFailure(seen);
  // A thread can crash by throwing `undefined`, too.
  return reason === 'crashed' ? asError(thrown) : errorField(thrown);
}

function bootFailure({ url, ofCall, bootError, exit }: Seen): Error {
  if (bootError?.name === 'ForklessError') return bootError;
  const cause = bootError ?? exit.error;
  if (cause === undefined) {
    const unserved = ofCall ? HOW_TO_PLACE_CALLS : UNSERVED[exit.code];
    const hint = unserved === undefined ? '' : `. ${unserved}`;
    return errors.bootFailed(
      url,
      `ended with code ${exit.code} before it called serve() or prefork()${hint}`,
    );
  }
  const what = isError(cause) ? `${messageOf(cause)}${syntaxPlace(cause, url)}` : show(cause);
  return errors.bootFailed(url, `failed: ${what}`, cause);
}

// Why a thread has ended by itself, by its exit code.
const UNSERVED: Readonly<Record<number, string>> = {
  0: 'What it exports is not served by itself: give it to serve() or serveHttp()',
  13: 'It waits at its top level for a promise that nothing can settle any more',
};

function syntaxPlace(cause: Error, url: string): string {
  const place = placeOfSyntaxError(cause);
  if (place !== undefined) return ` (at ${place})`;
  // A thread of Node's own tells nothing more, and runs no line of ours before it.
  return isUnplaced(cause) && url.startsWith('file:') ? ' (`node --check` on the file says where)' : '';
}
