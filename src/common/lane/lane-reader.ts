/** The receiving half of a lane's end: when its ring is read. Used in both threads. */
import { errors } from '../core/errors.ts';
import { type FrameSink } from '../wire/frames.ts';
import { RingReader, type Stop } from '../wire/ring-reader.ts';

/**
 * - `asleep`: everything is read, and the far side rings for the next frame.
 * - `awake`: nobody rings. A turn of the event loop is asked for, in which the reader looks again.
 * - `reading`: frames go to the sink. The sink may lead back to the reader, which must not read on then.
 * - `at-mark`: a control message is next. It comes by the port and is the doorbell, too.
 */
type Stage = 'asleep' | 'awake' | 'reading' | 'at-mark';

/** The stages that may follow each stage. */
const MOVES: Readonly<Record<Stage, readonly Stage[]>> = {
  asleep: ['asleep', 'awake', 'reading'],
  awake: ['asleep', 'awake', 'reading'],
  reading: ['awake', 'at-mark'],
  // Only the end of the far side reads on behind a mark: the message will not come any more.
  'at-mark': ['awake', 'reading'],
};

// One turn of the event loop works off so many bytes: frames of a few bytes take it ten milliseconds.
const TURN_BYTES = 262_144;

export interface LaneReaderOptions {
  readonly memory: SharedArrayBuffer;
  readonly sink: FrameSink;
  /** All frames that had come are taken, for now. */
  readonly passed: () => void;
  /** Rings the far side, which waits for room: there is some. */
  readonly room: () => void;
  /** Asks for a turn of the event loop, in which `look` is called if the reader is awake. */
  readonly askTurn: () => void;
}

/** Decides when the frames of a ring are read, and by which turn of the event loop. */
export class LaneReader {
  readonly #options: LaneReaderOptions;
  readonly #ring: RingReader;
  #stage: Stage = 'asleep';

  constructor(options: LaneReaderOptions) {
    this.#options = options;
    this.#ring = new RingReader(options.memory);
  }

  /** Whether it is to look in the next turn. */
  get awake(): boolean {
    return this.#stage === 'awake';
  }

  /** Reads once. Frames that come meanwhile are read in the next turn, and nobody rings for them. */
  look(): void {
    if (this.#stage === 'reading' || this.#stage === 'at-mark') return;
    if (this.#ring.unread > 0) {
      // More frames are likely soon, and one further look is cheaper than a doorbell.
      this.read(TURN_BYTES);
      return;
    }
    this.#go(this.#ring.sleep() ? 'asleep' : 'awake');
    if (this.#stage === 'awake') this.#options.askTurn();
  }

  /** A control message has come: reads the frames before it, up to its mark. */
  passMark(): void {
    if (this.#stage !== 'at-mark') this.read();
    if (this.#stage !== 'at-mark') throw errors.badFrame('a control message without a mark');
    this.#go('awake');
  }

  /** Reads everything that is published, unless that is being done: the far side writes no more. */
  drain(): void {
    if (this.#stage === 'reading') return;
    do this.read();
    while (this.#stage === 'at-mark' || this.#ring.unread > 0);
  }

  /** Reads the frames that are published now, up to the first mark, and little more than `most` bytes. */
  read(most?: number): void {
    this.#go('reading');
    let stop: Stop = 'all';
    try {
      stop = this.#ring.read(this.#options.sink, this.#options.room, most);
    } finally {
      this.#go(stop === 'mark' ? 'at-mark' : 'awake');
      this.#options.passed();
    }
    if (this.#stage === 'awake') this.#options.askTurn();
  }

  #go(to: Stage): void {
    if (!MOVES[this.#stage].includes(to))
      throw new Error(`forkless: a lane goes from ${this.#stage} to ${to}`);
    this.#stage = to;
  }
}
