// Where a prefork is in its life, and what it may do there.
import { errors } from '../../common/core/errors.ts';

export type State = 'idle' | 'starting' | 'listening' | 'closing' | 'closed';

/** The legal moves. */
export const MOVES: Readonly<Record<State, readonly State[]>> = {
  idle: ['starting', 'closed'],
  starting: ['listening', 'closing'],
  listening: ['closing'],
  closing: ['closed'],
  closed: [],
};

export class Lifecycle {
  #state: State = 'idle';
  #failure: Error | undefined;
  readonly #called: (() => void) | undefined;

  /** `called` is called when somebody first wants it to begin or to close; perhaps again later. */
  constructor(called?: () => void) {
    this.#called = called;
  }

  get state(): State {
    return this.#state;
  }

  /** Throws `FORKLESS_WRONG_STATE` for a move that is not legal. */
  move(to: State): void {
    if (!MOVES[this.#state].includes(to)) throw errors.wrongState(`going to ${to}`, this.#state);
    this.#called?.();
    this.#state = to;
  }

  /** It is to begin. A call that is refused tells of that itself. */
  called(): void {
    this.#called?.();
  }

  /** The start fails by this error, unless it has failed by an earlier one. */
  fail(error: Error | undefined): void {
    this.#failure ??= error;
  }

  /** Whether there is no start under way any more: it has succeeded or failed, or the prefork was closed meanwhile. */
  get startIsOver(): boolean {
    return this.#failure !== undefined || this.#state !== 'starting';
  }

  /** Throws where the start that was under way is over, by what has ended it. */
  mustStart(): void {
    if (this.startIsOver) throw this.whyNotListening();
  }

  /** Why a call of `listen()` or `start()` cannot go on. */
  whyNotListening(): Error {
    return this.#failure ?? errors.wrongState('listen()', this.#state);
  }

  /** Throws `FORKLESS_WRONG_STATE` where neither the first listener nor a further one may be added. */
  mayListen(call: string): void {
    if (this.#state !== 'idle' && this.#state !== 'listening') throw errors.wrongState(call, this.#state);
  }

  /** Whether its workers take connections. */
  get isRunning(): boolean {
    return this.#state === 'starting' || this.#state === 'listening';
  }

  get isEnding(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }
}
