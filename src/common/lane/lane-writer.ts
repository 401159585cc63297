/** The sending half of a lane's end: in which order frames get room in its ring. Used in both threads. */
import { type ConnectionId } from '../core/types.ts';
import { errors } from '../core/errors.ts';
import { FRAME, RING_FRAME, type FrameKind } from '../wire/frames.ts';
import { RingWriter } from '../wire/ring.ts';
import { type Lane, type LanePort, type LaneSource } from './lane.ts';
import { LastWords, type Outgoing } from './last-words.ts';

// One connection's share in a round when several wait for room.
const QUANTUM = 32_768;

// Up to this size a piece does not wait behind the bulk of others: it is somebody's answer, or the end of one.
const SMALL = 4_096;

/** The doorbell: look at the rings. */
export const BELL = 0;

/** A control message that has its mark among the frames. */
export interface Marked {
  readonly marked: object;
}

/**
 * - `open`: frames go into the ring.
 * - `ending`: this thread ends. Frames go by the port, as its last words.
 * - `closed`: frames go nowhere; whoever sends them is told that they are taken.
 */
type Stage = 'open' | 'ending' | 'closed';

/** The stages that may follow each stage. */
const MOVES: Readonly<Record<Stage, readonly Stage[]>> = {
  open: ['ending', 'closed'],
  ending: ['closed'],
  closed: ['closed'],
};

export interface LaneWriterOptions {
  readonly memory: SharedArrayBuffer;
  readonly port: LanePort;
  /** Asks for a turn of the event loop, in which `turn` is called. */
  readonly askTurn: () => void;
  /** The far side has written to words of the ring that are not its own, or a connection that sends has thrown. */
  readonly broke: (error: unknown) => void;
}

/** Gives frames room in a ring: in order where they wait, in turn where several connections send much, at once where it is little. */
export class LaneWriter implements Lane {
  readonly #port: LanePort;
  readonly #ring: RingWriter;
  readonly #options: LaneWriterOptions;
  readonly #waiting = new Set<LaneSource>();
  /** Control frames that found no room; nothing passes them. */
  #held: Outgoing[] = [];
  /** Bytes of small pieces that have overtaken the waiting connections, since one of these had its turn. */
  #overtook = 0;
  readonly #word = Buffer.alloc(4);
  #stage: Stage = 'open';
  /** Once the stage is `ending`. */
  #lastWords: LastWords | undefined;

  constructor(options: LaneWriterOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#ring = new RingWriter(options.memory);
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** Whether the far side has read everything that was published, and waits for a doorbell. */
  get rests(): boolean {
    return this.#ring.rested;
  }

  /** Whether frames or connections wait for room. */
  get waits(): boolean {
    return this.#held.length > 0 || this.#waiting.size > 0;
  }

  control(kind: FrameKind, id: ConnectionId, payload?: Uint8Array): void {
    const most = this.#ring.capacity / 4;
    let from = 0;
    if (payload !== undefined)
      for (; payload.length - from > most; from += most)
        this.send({ kind: RING_FRAME.piece, id, payload: payload.subarray(from, from + most) });
    this.send({ kind, id, payload: payload?.subarray(from) });
  }

  credit(id: ConnectionId, bytes: number): void {
    this.#word.writeUInt32LE(bytes);
    this.send({ kind: FRAME.credit, id, payload: this.#word });
  }

  sendNow(id: ConnectionId, chunk: Uint8Array, to: number): number {
    if (this.#held.length > 0) return 0;
    const waits = this.#waiting.size > 0;
    if (waits && !this.#mayOvertake(to)) return 0;
    try {
      const most = to <= SMALL || this.#lastWords ? to : Math.min(to, this.#ring.room() - this.#reserve);
      const sent = most > 0 ? this.data(id, chunk, 0, most) : 0;
      if (waits) this.#overtook += sent;
      return sent;
    } catch (error) {
      this.#options.broke(error);
      return to;
    }
  }

  // A flood of small pieces must not overtake as a whole: then the waiting connections would never have a turn.
  #mayOvertake(bytes: number): boolean {
    return bytes <= SMALL && this.#overtook + bytes <= this.#ring.capacity / 2;
  }

  /** Room that bulk leaves to small pieces. */
  get #reserve(): number {
    return this.#ring.capacity / 8;
  }

  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): number {
    if (this.#stage === 'closed') return to - from;
    if (this.#lastWords) return this.#lastWords.data(id, chunk, from, to);
    const taken = this.#ring.data(id, chunk, from, to);
    // The far side may begin to read while this side still writes.
    if (this.#ring.unpublished * 4 >= this.#ring.capacity) this.#publish();
    this.#options.askTurn();
    return taken;
  }

  admit(source: LaneSource): void {
    try {
      const room = this.waits ? 0 : this.#ring.room() - this.#reserve;
      if (this.#lastWords ? !source.transmit(Infinity) : room > 0 && !source.transmit(room)) return;
      this.#waiting.add(source);
      this.#options.askTurn();
    } catch (error) {
      this.#options.broke(error);
    }
  }

  /** Sends a frame without bytes, or a control message with its mark; it waits in order where there is no room. */
  send(frame: Outgoing): void {
    if (this.#stage === 'closed') return;
    try {
      if (this.#lastWords) this.#lastWords.send(frame);
      else if (this.#held.length > 0 || !this.#write(frame)) this.#hold(frame);
      this.#options.askTurn();
    } catch (error) {
      this.#options.broke(error);
    }
  }

  /** See `LaneEnd.sent`. */
  get sent(): number {
    return this.#ring.published;
  }

  /** See `LaneEnd.hasRead`. */
  hasRead(cursor: number): boolean {
    return this.#ring.isRead(cursor);
  }

  /** See `LaneEnd.unreadFor`. */
  unreadFor(): Set<ConnectionId> {
    const ids = new Set<ConnectionId>();
    this.#ring.visitData((id) => ids.add(id));
    return ids;
  }

  /** See `LaneEnd.unread`. */
  unread(wanted: ReadonlyMap<ConnectionId, number>): Map<ConnectionId, Buffer> {
    const pieces = new Map<ConnectionId, Buffer[]>();
    for (const [id, bytes] of wanted) if (bytes !== 0) pieces.set(id, []);
    if (pieces.size > 0) this.#ring.visitData((id, bytes) => pieces.get(id)?.push(bytes));
    return new Map([...pieces].map(([id, all]) => [id, lastBytes(all, wanted.get(id) ?? 0)]));
  }

  /** The turn of the event loop ends: shows the far side what was written, and lets those go on that wait for room. */
  turn(): void {
    this.#serve();
    this.#publish();
    if (this.waits && this.#ring.starve(this.#ring.capacity / 2)) this.#options.askTurn();
  }

  /** This thread ends now: see `LaneEnd.finish`. */
  finish(): void {
    this.#sendHeld();
    this.#publish();
    this.#go('ending');
    const held = this.#held.splice(0);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const last = (this.#lastWords = new LastWords(this.#port));
    for (const { kind, id, payload } of held) last.send({ kind, id, payload });
    for (const source of waiting) source.transmit(Infinity);
    last.gathered();
    for (const { message } of held) if (message) this.#port.postMessage(message);
  }

  /** Sends nothing more, and forgets what waits. */
  close(): void {
    this.#go('closed');
    this.#waiting.clear();
    this.#held = [];
  }

  // The caller uses the memory of the payload again.
  #hold(frame: Outgoing): void {
    const { payload } = frame;
    this.#held.push(payload === undefined ? frame : { ...frame, payload: new Uint8Array(payload) });
  }

  #write({ kind, id, payload, message }: Outgoing): boolean {
    if (!this.#ring.frame(kind, id, payload)) return false;
    if (message === undefined) return true;
    // The message is a doorbell too.
    this.#ring.publish();
    const marked: Marked = { marked: message };
    this.#port.postMessage(marked);
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
    if (this.#ring.publish()) this.#port.postMessage(BELL);
  }

  // Waiting connections get their turns for as long as there is room.
  #serve(): void {
    if (this.#held.length > 0) this.#sendHeld();
    if (this.#held.length > 0) return;
    for (const source of this.#waiting) {
      const room = this.#ring.room();
      if (room * 4 < this.#ring.capacity) return;
      this.#waiting.delete(source);
      this.#overtook = 0;
      if (source.transmit(Math.min(room - this.#reserve, QUANTUM))) this.#waiting.add(source);
    }
  }

  #go(to: Stage): void {
    if (!MOVES[this.#stage].includes(to))
      throw new Error(`forkless: a lane goes from ${this.#stage} to ${to}`);
    this.#stage = to;
  }
}

function lastBytes(pieces: readonly Buffer[], count: number): Buffer {
  const all = Buffer.concat(pieces);
  if (count < 0 || count > all.length)
    throw errors.badFrame(`${count} bytes that were not taken, of ${all.length}`);
  return all.subarray(all.length - count);
}
