/** Collects the handler errors of a test that nobody listens for. Runs in the thread of the test. */
import { errors } from '../common/core/errors.ts';
import { type PreforkEvents } from '../main/prefork/events.ts';
import { type Unheard } from '../main/prefork/unheard.ts';

type HandlerError = PreforkEvents['handlerError'][0];

/** The handler errors of a test that it did not listen for. */
export class UnheardErrors implements Unheard {
  #first: HandlerError | undefined;
  #count = 0;

  missed<Name extends keyof PreforkEvents>(name: Name, [event]: PreforkEvents[Name]): void {
    // A worker that crashes or does not boot was made to, or fails a call.
    if (name !== 'handlerError') return;
    const failure = event as HandlerError;
    this.#first ??= failure;
    this.#count += 1 + failure.repeated;
  }

  notice(): void {
    return undefined;
  }

  recovered(): void {
    return undefined;
  }

  closing(): void {
    return undefined;
  }

  stop(): void {
    return undefined;
  }

  /** Throws `FORKLESS_HANDLER_ERROR` where there were any, with the first as its cause; once. */
  tell(): void {
    const first = this.#first;
    this.#first = undefined;
    const more = this.#count - 1;
    this.#count = 0;
    if (first !== undefined) throw errors.handlerError(first.callback, first.worker, more, first.error);
  }
}
