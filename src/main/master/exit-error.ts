import { errors } from '../../common/core/errors.ts';
import { callOf, LATE_CALL } from '../../common/core/module-call.ts';
import { asError, errorField, isError, messageOf, show } from '../../common/core/thrown.ts';
import { type ExitReason } from '../../common/core/types.ts';

/** What is known of a worker that has ended. */
export interface Ended {
  readonly url: string;
  /** It was ready. */
  readonly isReady: boolean;
  /** Why it did not boot, where it could tell. */
  readonly bootError: Error | undefined;
  /** Exit code of its thread. */
  readonly code: number;
  readonly thrown: unknown;
}

/** The error that a worker ended by, `undefined` where there was none. */
export function exitError(reason: ExitReason, ended: Ended): Error | undefined {
  const { isReady, bootError, thrown } = ended;
  // One that was asked to leave while it booted has not failed for that.
  const wentWrong = reason === 'boot-failed' || bootError !== undefined || thrown !== undefined;
  if (!isReady && wentWrong) return bootFailure(ended);
  // `undefined` can be thrown, too.
  return reason === 'crashed' ? asError(thrown) : errorField(thrown);
}

function bootFailure({ url, bootError, code, thrown }: Ended): Error {
  if (bootError?.name === 'ForklessError') return bootError;
  const cause = bootError ?? thrown;
  if (cause === undefined) {
    const hint = callOf(url).number > 1 ? `. ${LATE_CALL}` : '';
    return errors.bootFailed(url, `ended with code ${code} before it called serve() or prefork()${hint}`);
  }
  return errors.bootFailed(url, `failed: ${isError(cause) ? messageOf(cause) : show(cause)}`, cause);
}
