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

// Up to this size a piece does not wait behind the bulk of others: it is somebody's answer, or last words.
const SMALL = 4_096;

// Last words are posted in messages of about this size.
const LAST_WORDS = 1_048_576;

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
  /** Bytes of small pieces that have overtaken those who wait, since one of these had its turn. */
  #overtook = 0;
  /** Since this thread ends: what is sent goes here and is posted, for nobody frees the ring any more. */
  #lastWords: FrameWriter | undefined;
  #finishing = false;
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

  get rests(): boolean {
    return this.#writer.rested;
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
    if (this.#held.length > 0) return 0;
    const waits = this.#waiting.size > 0;
    if (waits && !this.#mayOvertake(to)) return 0;
    try {
      const most = to <= SMALL || this.#lastWords ? to : Math.min(to, this.#writer.room() - this.#reserve);
      const sent = most > 0 ? this.data(id, chunk, 0, most) : 0;
      if (waits) this.#overtook += sent;
      return sent;
    } catch (error) {
      this.#broke(error);
      return to;
    }
  }

  // All of a flood of small pieces cannot: then those who wait would never have a turn.
  #mayOvertake(bytes: number): boolean {
    return bytes <= SMALL && this.#overtook + bytes <= this.#writer.capacity / 2;
  }

  /** Room that bulk leaves to small pieces. */
  get #reserve(): number {
    return this.#writer.capacity / 8;
  }

  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): number {
    if (this.#closed) return to - from;
    if (this.#lastWords) return this.#sayLast(this.#lastWords, id, chunk, from, to);
    const taken = this.#writer.data(id, chunk, from, to);
    // The far side may begin while this one goes on.
    if (this.#writer.unpublished * 4 >= this.#writer.capacity) this.#publish();
    this.#askTurn();
    return taken;
  }

  admit(source: LaneSource): void {
    this.#guarded(() => {
      const room = this.#held.length > 0 || this.#waiting.size > 0 ? 0 : this.#writer.room() - this.#reserve;
      if (this.#lastWords ? !source.transmit(Infinity) : room > 0 && !source.transmit(room)) return;
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
    if (this.#closed || this.#lastWords) return;
    this.#guarded(() => {
      this.#sendHeld();
      this.#publish();
      const held = this.#held.splice(0);
      const last = new FrameWriter();
      for (const { kind, id, payload } of held) if (isKind(kind)) last.add(kind, id, payload);
      this.#lastWords = last;
      this.#finishing = true;
      const sources = [...this.#waiting];
      this.#waiting.clear();
      for (const source of sources) source.transmit(Infinity);
      this.#finishing = false;
      this.#postLast(last);
      for (const { message } of held) if (message) this.#options.port.postMessage(message);
    });
  }

  #sayLast(last: FrameWriter, id: ConnectionId, chunk: Uint8Array, from: number, to: number): number {
    const end = Math.min(to, from + LAST_WORDS);
    last.add(FRAME.data, id, chunk, from, end);
    if (!this.#finishing || last.length >= LAST_WORDS) this.#postLast(last);
    return end - from;
  }

  #postLast(last: FrameWriter): void {
    if (last.length > 0) this.#options.port.postMessage(last.take());
  }

  #send(frame: Held): void {
    if (this.#closed) return;
    this.#guarded(() => {
      if (this.#lastWords) {
        this.#sendLast(frame, this.#lastWords);
        return;
      }
      if (this.#held.length > 0 || !this.#write(frame)) {
        // The caller uses its memory again.
        const { payload } = frame;
        this.#held.push(payload === undefined ? frame : { ...frame, payload: new Uint8Array(payload) });
      }
      this.#askTurn();
    });
  }

  #sendLast({ kind, id, payload, message }: Held, last: FrameWriter): void {
    if (isKind(kind)) last.add(kind, id, payload);
    if (!this.#finishing || message) this.#postLast(last);
    if (message) this.#options.port.postMessage(message);
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
    if (this.#turnAsked || this.#closed || this.#lastWords) return;
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
      this.#overtook = 0;
      if (source.transmit(Math.min(room - this.#reserve, QUANTUM))) this.#waiting.add(source);
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
