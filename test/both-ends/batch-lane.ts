import { type ConnectionId } from '../../src/common/core/types.ts';
import { FRAME, FrameWriter, readFrames, type FrameKind } from '../../src/common/wire/frames.ts';
import { type Lane, type LaneEnd, type LaneEndOptions, type LaneSource } from '../../src/common/lane/lane.ts';

/**
 * Bytes on their way to the far side's event loop, at most. It bounds what one turn over there has to work off,
 * and what piles up in the port of a blocked worker (a MessagePort itself has no bound, nodejs/node#37428).
 */
export const LANE_WINDOW = 524_288;

// One connection's share in a round when several wait for room.
const QUANTUM = 32_768;

// Up to this size a batch is cloned with its message; above, moving its memory is cheaper.
const CLONE_UP_TO = 4_096;

/**
 * A lane for tests alone, which compare the one that is shipped with it: both ends must work whatever the frames go by.
 * It posts all frames of one loop turn as one message. The receiver answers with a bare number, the bytes
 * it has worked off; past `LANE_WINDOW` unanswered bytes, connections wait for room in turn.
 */
export class BatchLane implements LaneEnd, Lane {
  readonly intact = true;
  readonly #options: LaneEndOptions;
  readonly #writer = new FrameWriter();
  readonly #waiting = new Set<LaneSource>();
  readonly #flush = (): void => {
    this.#flushAsked = false;
    if (this.#closed || this.#writer.length === 0) return;
    const batch = this.#writer.take();
    this.#unanswered += batch.length;
    const { port } = this.#options;
    if (batch.length <= CLONE_UP_TO) port.postMessage(batch);
    else port.postMessage(batch, [batch.buffer]);
  };
  #flushAsked = false;
  #unanswered = 0;
  #unacknowledged = 0;
  #closed = false;

  readonly rests = false;

  constructor(options: LaneEndOptions) {
    this.#options = options;
    options.port.on('message', (message) => {
      this.#heard(message);
    });
  }

  control(kind: FrameKind, id: ConnectionId, payload?: Uint8Array): void {
    if (this.#closed) return;
    this.#writer.add(kind, id, payload);
    this.#askFlush();
  }

  credit(id: ConnectionId, bytes: number): void {
    if (this.#closed) return;
    this.#writer.addWord(FRAME.credit, id, bytes);
    this.#askFlush();
  }

  sendNow(id: ConnectionId, chunk: Uint8Array, to: number): number {
    const room = this.#waiting.size > 0 ? 0 : this.#room();
    return room > 0 ? this.data(id, chunk, 0, Math.min(to, room)) : 0;
  }

  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): number {
    if (this.#closed) return to - from;
    this.#writer.add(FRAME.data, id, chunk, from, to);
    this.#askFlush();
    return to - from;
  }

  admit(source: LaneSource): void {
    const room = this.#room();
    if (this.#waiting.size > 0 || room <= 0 || source.transmit(room)) this.#waiting.add(source);
  }

  post(message: object): void {
    this.#flush();
    this.#options.port.postMessage(message);
  }

  postAside(message: object, moved: readonly object[]): void {
    this.#options.port.postMessage(message, moved);
  }

  /** Connections never come to rest on it. */
  askTurn(): void {
    return undefined;
  }

  readonly sent = 0;

  hasRead(): boolean {
    return true;
  }

  unreadFor(): Set<number> {
    return new Set();
  }

  unread(): Map<number, Buffer> {
    return new Map();
  }

  whenRead(done: () => void): void {
    done();
  }

  end(): void {
    this.#options.port.close();
  }

  get out(): Lane {
    return this;
  }

  #heard(message: unknown): void {
    try {
      if (message instanceof Uint8Array) this.#receive(message);
      else if (typeof message === 'number') this.#answered(message);
      else this.#options.message(message);
    } catch (error) {
      const known = this.#closed;
      this.close();
      if (!known) this.#options.broken(error);
    }
    this.#options.alive?.();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
  }

  finish(): void {
    const sources = [...this.#waiting];
    this.#waiting.clear();
    for (const source of sources) source.transmit(Infinity);
    this.#flush();
  }

  #receive(batch: Uint8Array): void {
    if (this.#closed) return;
    try {
      readFrames(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength), this.#options.sink);
    } finally {
      this.#acknowledge(batch.length);
      this.#options.passed();
    }
  }

  #acknowledge(bytes: number): void {
    this.#unacknowledged += bytes;
    if (this.#unacknowledged * 4 < LANE_WINDOW || this.#closed) return;
    this.#options.port.postMessage(this.#unacknowledged);
    this.#unacknowledged = 0;
  }

  /** The far side has worked off that many bytes. */
  #answered(bytes: number): void {
    this.#unanswered = Math.max(0, this.#unanswered - bytes);
    for (const source of this.#waiting) {
      const room = this.#room();
      if (room <= 0) return;
      this.#waiting.delete(source);
      if (source.transmit(Math.min(room, QUANTUM))) this.#waiting.add(source);
    }
  }

  #room(): number {
    return LANE_WINDOW - this.#unanswered - this.#writer.length;
  }

  #askFlush(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    this.#options.atTurnEnd(this.#flush);
  }
}
