/** The calls of one connection's handlers: their async context, their errors and their pending promises. */
import { isPromise } from '../../common/core/thrown.ts';
import { within, type Scope } from '../../common/user-code/scope.ts';

/** Gets what a callback returned or resolved to; `awaited` if that was a promise. */
export type AfterCall = (value: unknown, awaited: boolean) => void;

export interface CallsOwner {
  /** A callback threw or rejected. */
  failed(error: unknown, callback: string): void;
  /** No promise of a callback is pending any more. */
  idle(): void;
}

/** Runs the callbacks of one connection and counts those whose promise is pending. */
export class Calls {
  readonly #owner: CallsOwner;
  readonly #scope: Scope;
  #pending = 0;

  constructor(owner: CallsOwner, scope: Scope) {
    this.#owner = owner;
    this.#scope = scope;
  }

  get isIdle(): boolean {
    return this.#pending === 0;
  }

  /** Runs `body` in the scope of the connection, then `after` unless it failed. Tells whether that is still to come. */
  run(callback: string, body: () => unknown, after?: AfterCall): boolean {
    let result: unknown;
    try {
      result = within(this.#scope, body);
    } catch (error) {
      this.#owner.failed(error, callback);
      return false;
    }
    if (this.follow(callback, result, after)) return true;
    after?.(result, false);
    return false;
  }

  /** Runs `after` when `result`, if it is a promise, is fulfilled; tells whether it is one. */
  follow(callback: string, result: unknown, after?: AfterCall): boolean {
    if (!isPromise(result)) return false;
    this.#pending += 1;
    void this.#wait(callback, result, after);
    return true;
  }

  // By `await`, which looks at nothing that a promise of the user's may have replaced.
  async #wait(callback: string, result: PromiseLike<unknown>, after: AfterCall | undefined): Promise<void> {
    try {
      const value = await result;
      after?.(value, true);
    } catch (error) {
      this.#owner.failed(error, callback);
    }
    this.#pending -= 1;
    if (this.#pending === 0) this.#owner.idle();
  }
}
