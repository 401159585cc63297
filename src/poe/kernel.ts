/** The kernel of POE as far as callbacks of a server need it. Used in both threads. */
import { MAX_WAIT } from '../common/core/check.ts';
import { errors } from '../common/core/errors.ts';
import { show } from '../common/core/thrown.ts';
import { type Sessions, type Target, type SessionInfo } from './sessions.ts';

/** The part of POE's kernel that a server needs, for one session. It reaches the sessions of its own thread. */
export class Kernel {
  /** The number of the worker, 0 in the main thread: what `$$` tells apart in the ancestor. */
  readonly ID: number;
  readonly #self: Target;
  readonly #sessions: Sessions;

  /** @internal */
  constructor(ID: number, self: Target, sessions: Sessions) {
    this.ID = ID;
    this.#self = self;
    this.#sessions = sessions;
  }

  /** Posts to the session itself. */
  yield(event: string, ...args: unknown[]): boolean {
    return this.post(this.#self, event, ...args);
  }

  /**
   * Posts an event to a session, its number, or an alias; it is handled in a later turn, in order. False when there is
   * no such session in this thread, or it has ended. Throws `FORKLESS_BAD_PARAMETER` for an event that it does not know
   * and `FORKLESS_EVENTS_OVERFLOW` when `MaxEvents` of its events wait.
   */
  post(target: number | string | SessionInfo, event: string, ...args: unknown[]): boolean {
    const found = this.#sessions.find(target);
    if (found === undefined) return false;
    found.check(event);
    return found.queue.post(() => {
      found.deliver(event, args, this.#self);
    });
  }

  /** Another name to post to the session by, until it has ended. False when another session of this thread has it. */
  alias_set(alias: string): boolean {
    if (this.#sessions.find(this.#self) !== this.#self) return false;
    return this.#sessions.add(aliasOf(alias), this.#self);
  }

  /** Takes that back. False when it is no alias of the session. */
  alias_remove(alias: string): boolean {
    return this.#sessions.remove(aliasOf(alias), this.#self);
  }

  /** Handles an event at once and returns what its handler returns; `undefined` when there is no such session. */
  call(target: number | string | SessionInfo, event: string, ...args: unknown[]): unknown {
    const found = this.#sessions.find(target);
    if (found === undefined) return undefined;
    found.check(event);
    return found.dispatch(event, args, this.#self);
  }

  /**
   * Posts to the session itself after so many seconds, in place of an earlier delay of that event; without seconds it
   * only takes that back. Up to 2 147 483 seconds; throws as `post`.
   */
  delay(event: string, seconds?: number, ...args: unknown[]): boolean {
    const { queue } = this.#self;
    queue.cancel(event);
    if (seconds === undefined) return true;
    const wait = seconds * 1000;
    if (!(wait >= 0 && wait <= MAX_WAIT)) {
      throw errors.badParameter(`got a delay of ${show(seconds)}, not of 0 to ${MAX_WAIT / 1000} seconds`);
    }
    this.#self.check(event);
    return queue.delay(event, wait, () => {
      this.#self.deliver(event, args, this.#self);
    });
  }
}

// A number would be that of a connection.
function aliasOf(alias: unknown): string {
  if (typeof alias === 'string' && alias !== '') return alias;
  throw errors.badParameter(`needs a name as alias, got ${show(alias)}`);
}
