/** The heartbeats of one worker: how often it tells the main thread that its event loop turns. */
import { type Cancel } from '../../common/core/clock.ts';
import { type OwnThread } from '../../common/boot/own-thread.ts';
import { type Pace, type ToMain } from '../../common/wire/messages.ts';

type Beat = Extract<ToMain, { kind: 'beat' }>;

// A beat alone is far less; what this much of its time goes into is worth telling of.
const AT_REST = 0.01;

/**
 * Says again and again that this thread's event loop turns, and how it is. Less often while the worker rests: waking
 * a thread whose memory has left the caches costs a millisecond or two, here and in the main thread.
 */
export class Heartbeat {
  readonly #thread: Pick<OwnThread, 'after' | 'vitals'>;
  readonly #counts: () => { open: number; served: number };
  readonly #send: (beat: Beat) => void;
  #pace: Pace | undefined;
  #resting = false;
  #cancel: Cancel | undefined;

  constructor(
    thread: Pick<OwnThread, 'after' | 'vitals'>,
    counts: () => { open: number; served: number },
    send: (beat: Beat) => void,
  ) {
    this.#thread = thread;
    this.#counts = counts;
    this.#send = send;
  }

  keep(pace: Pace): void {
    this.#pace = pace;
    // So that the first beat tells of the time since, and not of the loading of modules.
    this.#thread.vitals();
    this.#wait(pace.every);
  }

  /** There is something to do: it does not rest any more. */
  stir(): void {
    if (this.#resting && this.#pace) this.#wait(this.#pace.every);
  }

  stop(): void {
    this.#pace = undefined;
    this.#cancel?.();
  }

  #wait(delay: number): void {
    this.#cancel?.();
    this.#resting = false;
    this.#cancel = this.#thread.after(delay, () => {
      this.beat();
    });
  }

  /** Beats at once, and from then on in turn. */
  beat(): void {
    const pace = this.#pace;
    if (!pace) return;
    const vitals = this.#thread.vitals();
    const counts = this.#counts();
    this.#send({ kind: 'beat', ...counts, ...vitals });
    // Where it beats no less often at rest, being stirred would only put the next beat off.
    const rests = pace.atRest > pace.every && counts.open === 0 && vitals.utilization < AT_REST;
    this.#wait(rests ? pace.atRest : pace.every);
    this.#resting = rests;
  }
}
