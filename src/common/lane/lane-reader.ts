/** The receiving half of a lane's end: when its ring is read. Used in both threads. */
import { errors } from '../core/errors.ts';
import { type FrameSink } from '../wire/frames.ts';
import { RingReader, type Stop } from '../wire/ring-reader.ts';

// The stages of a reader, one bit each: a move is looked up for every few frames, and words would cost a tenth of that.
/** Everything is read, and the far side rings for the next frame. */
const ASLEEP = 1;
/** Nobody rings. A turn of the event loop is asked for, in which the reader looks again. */
const AWAKE = 2;
/** Frames go to the sink. The sink may lead back to the reader, which must not read on then. */
const READING = 4;
/** A control message is next. It comes by the port and is the doorbell, too. */
const AT_MARK = 8;

type Stage = typeof ASLEEP | typeof AWAKE | typeof READING | typeof AT_MARK;

/** The stages that may follow each stage. */
const MOVES: Readonly<Record<Stage, number>> = {
  [ASLEEP]: ASLEEP | AWAKE | READING,
  [AWAKE]: ASLEEP | AWAKE | READING,
  [READING]: AWAKE | AT_MARK,
  // Only the end of the far side reads on behind a mark: the message will not come any more.
  [AT_MARK]: AWAKE | READING,
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
  #stage: Stage = ASLEEP;
  /** Who waits until everything before a cursor is read, in order. */
  #awaited: { readonly cursor: number; readonly done: () => void }[] = [];

  constructor(options: LaneReaderOptions) {
    this.#options = options;
    this.#ring = new RingReader(options.memory);
  }

  /** Whether it is to look in the next turn. */
  get awake(): boolean {
    return this.#stage === AWAKE;
  }

  /** Reads once. Frames that come meanwhile are read in the next turn, and nobody rings for them. */
  look(): void {
    if (this.#stage === READING || this.#stage === AT_MARK) return;
    if (this.#ring.unread > 0) {
      // More frames are likely soon, and one further look is cheaper than a doorbell.
      this.read(TURN_BYTES);
      return;
    }
    this.#go(this.#ring.sleep() ? ASLEEP : AWAKE);
    if (this.#stage === AWAKE) this.#options.askTurn();
  }

  /** A control message has come: reads the frames before it, up to its mark. */
  passMark(): void {
    if (this.#stage !== AT_MARK) this.read();
    if (this.#stage !== AT_MARK) throw errors.badFrame('a control message without a mark');
    this.#go(AWAKE);
  }

  /** Reads everything that is published, unless that is being done: the far side writes no more. */
  drain(): void {
    if (this.#stage === READING) return;
    do this.read();
    while (this.#stage === AT_MARK || this.#ring.unread > 0);
  }

  /** Calls `done` once everything is read that is published now; not before this turn of the event loop ends. */
  whenRead(done: () => void): void {
    this.#awaited.push({ cursor: this.#ring.published, done });
    if (this.#stage === ASLEEP) this.#go(AWAKE);
    this.#options.askTurn();
  }

  /** Nothing is read any more: whoever waits need not wait on. */
  close(): void {
    for (const { done } of this.#awaited.splice(0)) done();
  }

  /** Tells those that wait for nothing any more. */
  settle(): void {
    while (this.#awaited[0] && this.#ring.hasRead(this.#awaited[0].cursor)) this.#awaited.shift()?.done();
  }

  /** Reads the frames that are published now, up to the first mark, and little more than `most` bytes. */
  read(most?: number): void {
    this.#go(READING);
    let stop: Stop = 'all';
    try {
      stop = this.#ring.read(this.#options.sink, this.#options.room, most);
    } finally {
      this.#go(stop === 'mark' ? AT_MARK : AWAKE);
      this.#options.passed();
    }
    if (this.#stage === AWAKE) this.#options.askTurn();
  }

  #go(to: Stage): void {
    if ((MOVES[this.#stage] & to) === 0)
      throw new Error(`forkless: a lane's reader goes from ${this.#stage} to ${to}`);
    this.#stage = to;
  }
}
