/**
 * One end of the lanes between the main thread and a worker: the port and both rings. The same class is used in both
 * threads.
 */
import { type ConnectionId } from '../core/types.ts';
import { readFrames, RING_FRAME } from '../wire/frames.ts';
import { LaneReader } from './lane-reader.ts';
import { BELL, LaneWriter, type Marked } from './lane-writer.ts';
import { type Lane, type LaneEnd, type LaneEndOptions, type LanePort } from './lane.ts';

/**
 * The memory of both rings. Each has 256 bytes at least: in a smaller one, a quarter could be free and still too small
 * for any frame, and waiting connections would wait for ever.
 */
export interface RingLaneOptions extends LaneEndOptions {
  readonly out: SharedArrayBuffer;
  readonly in: SharedArrayBuffer;
}

const isMarked = (message: unknown): message is Marked =>
  typeof message === 'object' && message !== null && 'marked' in message;

/**
 * Lanes of two rings in shared memory. The port is the doorbell for a side that sleeps, and carries the control
 * messages. Each control message leaves a mark in the ring, and the reader waits there until the message has come.
 */
export class RingLane implements LaneEnd {
  readonly #options: RingLaneOptions;
  readonly #port: LanePort;
  readonly #writer: LaneWriter;
  readonly #reader: LaneReader;
  // These flags are no stages, since each changes whatever the stages of writer and reader are. A turn stays asked for
  // when the lane is closed, a closed lane still hears control messages, and one that broke is closed.
  #turnAsked = false;
  #deaf = false;
  #broken = false;

  constructor(options: RingLaneOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#writer = new LaneWriter({
      memory: options.out,
      port: options.port,
      askTurn: this.#askTurn,
      broke: this.#broke,
    });
    this.#reader = new LaneReader({
      memory: options.in,
      sink: options.sink,
      passed: options.passed,
      room: () => {
        options.port.postMessage(BELL);
      },
      askTurn: this.#askTurn,
    });
    options.port.on('message', this.#heard);
  }

  get rests(): boolean {
    return this.#writer.rests;
  }

  get intact(): boolean {
    return !this.#broken;
  }

  get out(): Lane {
    return this.#writer;
  }

  post(message: object): void {
    if (this.#closed) this.#port.postMessage(message);
    else this.#writer.send({ kind: RING_FRAME.mark, id: 0, message });
  }

  postAside(message: object, moved: readonly object[]): void {
    this.#port.postMessage(message, moved);
  }

  close(): void {
    if (this.#closed) return;
    try {
      this.#reader.drain();
      this.#writer.close();
    } catch (error) {
      this.#broke(error);
    }
    this.#reader.close();
  }

  askTurn(): void {
    this.#askTurn();
  }

  get sent(): number {
    return this.#writer.sent;
  }

  hasRead(cursor: number): boolean {
    return this.#writer.hasRead(cursor);
  }

  unreadFor(): Set<ConnectionId> {
    return this.#writer.unreadFor();
  }

  unread(wanted: ReadonlyMap<ConnectionId, number>): Map<ConnectionId, Buffer> {
    return this.#writer.unread(wanted);
  }

  whenRead(done: () => void): void {
    if (this.#closed) done();
    else this.#reader.whenRead(done);
  }

  finish(): void {
    if (this.#writer.stage !== 'open') return;
    try {
      // The turn that was asked for will not come.
      this.#send();
      this.#writer.finish();
    } catch (error) {
      this.#broke(error);
    }
  }

  end(): void {
    this.#deaf = true;
    this.#port.close();
  }

  /** A message has come that cannot be read. Frames that the far side has published are still read by `close`. */
  unreadable(error: unknown): void {
    if (this.#deaf) return;
    this.#deaf = true;
    this.#options.broken(error);
  }

  get #closed(): boolean {
    return this.#writer.stage === 'closed';
  }

  readonly #heard = (message: unknown): void => {
    if (this.#deaf) return;
    try {
      if (message === BELL) this.#rung();
      else if (isMarked(message)) this.#marked(message.marked);
      else if (message instanceof Uint8Array) this.#lastWords(message);
      else this.#options.message(message);
    } catch (error) {
      this.#broke(error);
    }
    this.#options.alive?.();
  };

  #rung(): void {
    if (this.#closed) return;
    if (this.#writer.waits) this.#askTurn();
    this.#reader.look();
  }

  #marked(message: object): void {
    if (this.#closed) {
      this.#options.message(message);
      return;
    }
    this.#reader.passMark();
    this.#options.message(message);
    this.#askTurn();
  }

  // Frames of a far side that ends: they found no room in the ring.
  #lastWords(batch: Uint8Array): void {
    if (this.#closed) return;
    this.#reader.read();
    readFrames(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength), this.#options.sink);
    this.#options.passed();
  }

  readonly #turn = (): void => {
    this.#turnAsked = false;
    if (this.#closed) return;
    try {
      this.#send();
      if (this.#reader.awake) this.#reader.look();
      this.#reader.settle();
    } catch (error) {
      this.#broke(error);
    }
  };

  #send(): void {
    this.#writer.turn();
    // Last words are not in the ring: the main thread could not tell when it has read them.
    if (this.#writer.stage === 'open' && !this.#writer.waits) this.#options.published?.();
  }

  readonly #askTurn = (): void => {
    if (this.#turnAsked || this.#writer.stage !== 'open') return;
    this.#turnAsked = true;
    this.#options.atTurnEnd(this.#turn);
  };

  readonly #broke = (error: unknown): void => {
    const known = this.#closed;
    this.#writer.close();
    if (known) return;
    this.#broken = true;
    this.unreadable(error);
  };
}
