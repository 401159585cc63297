import { errors } from '../core/errors.ts';
import { type ConnectionId } from '../core/types.ts';
import { FRAME, FrameWriter, isKind, readFrames, RING_FRAME, type FrameKind } from '../wire/frames.ts';
import { RingReader, RingWriter } from '../wire/ring.ts';
import { type LaneEnd, type LaneEndOptions, type LaneSource } from './lane.ts';

/** Rings of 256 bytes at least: in smaller ones, those who wait could find a quarter free and still no room. */
export interface RingLaneOptions extends LaneEndOptions {
  readonly out: SharedArrayBuffer;
  readonly in: SharedArrayBuffer;
}

// One connection's share in a round when several wait for room.
const QUANTUM = 32_768;

// What one turn of the event loop works off: frames of a few bytes take it ten milliseconds.
const TURN_BYTES = 262_144;

/** The doorbell: look at the rings. */
const BELL = 0;

/** A control message that has its mark among the frames. */
interface Marked {
  readonly marked: object;
}

const isMarked = (message: unknown): message is Marked =>
  typeof message === 'object' && message !== null && 'marked' in message;

/** A frame that found no room, or the control message that goes in its place. */
interface Held {
  readonly kind: FrameKind | typeof RING_FRAME.piece | typeof RING_FRAME.mark;
  readonly id: ConnectionId;
  readonly payload?: Uint8Array | undefined;
  readonly message?: object;
}

/**
 * Lanes of two rings in shared memory. The port is the doorbell for a side that sleeps, and carries the control
 * messages; each of these leaves a mark in the ring, at which the reader waits for it.
 */
export class RingLane implements LaneEnd {
  readonly #options: RingLaneOptions;
  readonly #writer: RingWriter;
  readonly #reader: RingReader;
  readonly #waiting = new Set<LaneSource>();
  /** Control frames that found no room; nothing passes them. */
  #held: Held[] = [];
  readonly #word = Buffer.alloc(4);
  #turnAsked = false;
  #awake = false;
  #atMark = false;
  #reading = false;
  #closed = false;

  constructor(options: RingLaneOptions) {
    this.#options = options;
    this.#writer = new RingWriter(options.out);
    this.#reader = new RingReader(options.in);
  }

  control(kind: FrameKind, id: ConnectionId, payload?: Uint8Array): void {
    const most = this.#writer.capacity / 4;
    let from = 0;
    if (payload !== undefined)
      for (; payload.length - from > most; from += most)
        this.#send({ kind: RING_FRAME.piece, id, payload: payload.subarray(from, from + most) });
    this.#send({ kind, id, payload: payload?.subarray(from) });
  }

  credit(id: ConnectionId, bytes: number): void {
    this.#word.writeUInt32LE(bytes);
    this.#send({ kind: FRAME.credit, id, payload: this.#word });
  }

  sendNow(id: ConnectionId, chunk: Uint8Array, to: number): number {
    if (this.#held.length > 0 || this.#waiting.size > 0) return 0;
    try {
      return this.data(id, chunk, 0, to);
    } catch (error) {
      this.#broke(error);
      return to;
    }
  }

  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): number {
    if (this.#closed) return to - from;
    const taken = this.#writer.data(id, chunk, from, to);
    // The far side may begin while this one goes on.
    if (this.#writer.unpublished * 4 >= this.#writer.capacity) this.#publish();
    this.#askTurn();
    return taken;
  }

  admit(source: LaneSource): void {
    this.#guarded(() => {
      const room = this.#held.length > 0 || this.#waiting.size > 0 ? 0 : this.#writer.room();
      if (room > 0 && !source.transmit(room)) return;
      this.#waiting.add(source);
      this.#askTurn();
    });
  }

  post(message: object): void {
    if (this.#closed) this.#options.port.postMessage(message);
    else this.#send({ kind: RING_FRAME.mark, id: 0, message });
  }

  heard(message: unknown): void {
    this.#guarded(() => {
      if (message === BELL) this.#rung();
      else if (message instanceof Uint8Array) this.#spill(message);
      else if (isMarked(message)) this.#marked(message.marked);
      else this.#options.message(message);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#guarded(() => {
      while (!this.#reading && (this.#read() || this.#reader.unread > 0));
    });
    this.#shut();
  }

  // No pieces are lost here: no worker has a frame that is sent in pieces, and only a worker ends before its far side.
  finish(): void {
    if (this.#closed) return;
    this.#sendHeld();
    this.#publish();
    const batch = new FrameWriter();
    for (const { kind, id, payload } of this.#held) if (isKind(kind)) batch.add(kind, id, payload);
    if (batch.length > 0) this.#options.port.postMessage(batch.take());
    for (const { message } of this.#held) if (message) this.#options.port.postMessage(message);
    this.#held = [];
  }

  #send(frame: Held): void {
    if (this.#closed) return;
    this.#guarded(() => {
      if (this.#held.length > 0 || !this.#write(frame)) {
        // The caller uses its memory again.
        const { payload } = frame;
        this.#held.push(payload === undefined ? frame : { ...frame, payload: new Uint8Array(payload) });
      }
      this.#askTurn();
    });
  }

  #write({ kind, id, payload, message }: Held): boolean {
    if (!this.#writer.frame(kind, id, payload)) return false;
    if (message === undefined) return true;
    // The message is a doorbell too.
    this.#writer.publish();
    const marked: Marked = { marked: message };
    this.#options.port.postMessage(marked);
    return true;
  }

  #sendHeld(): void {
    let sent = 0;
    for (const frame of this.#held) {
      if (!this.#write(frame)) break;
      sent += 1;
    }
    if (sent > 0) this.#held = this.#held.slice(sent);
  }

  #publish(): void {
    if (this.#writer.publish()) this.#options.port.postMessage(BELL);
  }

  readonly #ring = (): void => {
    this.#options.port.postMessage(BELL);
  };

  #askTurn(): void {
    if (this.#turnAsked || this.#closed) return;
    this.#turnAsked = true;
    this.#options.atTurnEnd(this.#turn);
  }

  readonly #turn = (): void => {
    this.#turnAsked = false;
    if (this.#closed) return;
    this.#guarded(() => {
      this.#serve();
      this.#publish();
      this.#awaitRoom();
      if (this.#awake) this.#look();
    });
  };

  #rung(): void {
    if (this.#held.length > 0 || this.#waiting.size > 0) this.#askTurn();
    this.#look();
  }

  // Those who wait get their turns for as long as there is room.
  #serve(): void {
    if (this.#held.length > 0) this.#sendHeld();
    if (this.#held.length > 0) return;
    for (const source of this.#waiting) {
      const room = this.#writer.room();
      if (room * 4 < this.#writer.capacity) return;
      this.#waiting.delete(source);
      if (source.transmit(Math.min(room, QUANTUM))) this.#waiting.add(source);
    }
  }

  #awaitRoom(): void {
    if (this.#held.length === 0 && this.#waiting.size === 0) return;
    if (this.#writer.starve(this.#writer.capacity / 2)) this.#askTurn();
  }

  /** Reads once; what comes meanwhile is for the next turn. Nobody rings while this side is awake. */
  #look(): void {
    this.#awake = false;
    if (this.#closed || this.#reading || this.#atMark) return;
    const some = this.#reader.unread > 0;
    // At a mark it waits for the message: that is its doorbell.
    if (some && this.#read(TURN_BYTES)) return;
    // After some frames more are likely soon, and a further look is cheaper than a doorbell; but only one.
    this.#awake = some || !this.#reader.sleep();
    if (this.#awake) this.#askTurn();
  }

  /** Reads what is there; true when it is at a mark. */
  #read(most?: number): boolean {
    this.#reading = true;
    try {
      const stop = this.#reader.read(this.#options.sink, this.#ring, most);
      this.#atMark = stop === 'mark';
      return this.#atMark;
    } finally {
      this.#reading = false;
      this.#options.passed();
    }
  }

  #marked(message: object): void {
    if (this.#closed) {
      this.#options.message(message);
      return;
    }
    if (!this.#atMark && !this.#read()) throw errors.badFrame('a control message without a mark');
    this.#atMark = false;
    this.#options.message(message);
    this.#awake = true;
    this.#askTurn();
  }

  // The far side's last frames: they found no room, and its thread ends.
  #spill(batch: Uint8Array): void {
    if (this.#closed) return;
    this.#read();
    readFrames(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength), this.#options.sink);
    this.#options.passed();
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#broke(error);
    }
  }

  #broke(error: unknown): void {
    const known = this.#closed;
    this.#shut();
    if (!known) this.#options.broken(error);
  }

  #shut(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#held = [];
  }
}
