/** The errors that no handler has seen, which go to the main thread at a bounded rate. */
import { type Cancel } from '../../common/core/clock.ts';
import { Ration, type RationLimits } from '../../common/core/ration.ts';
import { toPlain } from '../../common/core/thrown.ts';
import { type ConnectionId } from '../../common/core/types.ts';
import { type OwnThread } from '../../common/boot/own-thread.ts';
import { type ToMain } from '../../common/wire/messages.ts';

type Trouble = Extract<ToMain, { kind: 'trouble' }>;

/** An error that no handler has seen. */
interface Untold {
  readonly error: unknown;
  readonly connection: ConnectionId | undefined;
  readonly callback: string;
}

/**
 * How many errors a worker tells the main thread one by one. Told without bound, the errors that a single peer can cause take most
 * of the main thread's time: 28 000 a second came from 0.35 MB/s of bad input.
 */
export const TROUBLES: RationLimits = { interval: 1_000, most: 50, mostOfOne: 5 };

/** Tells the main thread of errors that no handler has seen, and of how many there are when they are too many. */
export class Troubles {
  readonly #thread: Pick<OwnThread, 'now' | 'after'>;
  readonly #send: (trouble: Trouble) => void;
  readonly #ration = new Ration<Untold>(TROUBLES);
  #cancel: Cancel | undefined;

  constructor(thread: Pick<OwnThread, 'now' | 'after'>, send: (trouble: Trouble) => void) {
    this.#thread = thread;
    this.#send = send;
  }

  happened(untold: Untold): void {
    const now = this.#thread.now();
    const { callback, connection } = untold;
    if (this.#ration.admits(untold, callback, connection, now)) this.#tell(untold, 0);
    else this.#wake(now);
  }

  /** Tells now of all errors that were only counted. */
  flush(): void {
    this.stop();
    for (const { item, repeated } of this.#ration.due(this.#thread.now())) this.#tell(item, repeated);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wake(now: number): void {
    const { wakeAt } = this.#ration;
    if (wakeAt === undefined || this.#cancel !== undefined) return;
    this.#cancel = this.#thread.after(Math.max(0, wakeAt - now), () => {
      this.flush();
    });
  }

  #tell({ error, connection, callback }: Untold, repeated: number): void {
    this.#send({ kind: 'trouble', error: toPlain(error), connection, callback, repeated });
  }
}
