import { type ConnectionId } from '../core/types.ts';
import { FRAME, FrameWriter, readFrames, type FrameKind, type FrameSink } from '../wire/frames.ts';
import { type Lane, type LaneSource } from './lane.ts';

/** What a lane needs of a MessagePort. */
export interface LanePort {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
}

export interface BatchLaneOptions {
  readonly port: LanePort;
  readonly sink: FrameSink;
  /** Runs its argument once, at the end of this turn of the event loop. */
  readonly atTurnEnd: (run: () => void) => void;
}

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
 * A lane that posts all frames of one loop turn as one message. The receiver answers with a bare number, the bytes
 * it has worked off; past `LANE_WINDOW` unanswered bytes, connections wait for room in turn.
 */
export class BatchLane implements Lane {
  readonly #port: LanePort;
  readonly #sink: FrameSink;
  readonly #atTurnEnd: (run: () => void) => void;
  readonly #writer = new FrameWriter();
  readonly #waiting = new Set<LaneSource>();
  readonly #flush = (): void => {
    this.flush();
  };
  #flushAsked = false;
  #unanswered = 0;
  #unacknowledged = 0;
  #closed = false;

  constructor({ port, sink, atTurnEnd }: BatchLaneOptions) {
    this.#port = port;
    this.#sink = sink;
    this.#atTurnEnd = atTurnEnd;
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

  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): void {
    if (this.#closed) return;
    this.#writer.add(FRAME.data, id, chunk, from, to);
    this.#askFlush();
  }

  admit(source: LaneSource): void {
    const room = this.#room();
    if (this.#waiting.size > 0 || room <= 0 || source.transmit(room)) this.#waiting.add(source);
  }

  /** Sends what was collected in this turn. Called before a control message, so that the two stay in order. */
  flush(): void {
    this.#flushAsked = false;
    if (this.#closed || this.#writer.length === 0) return;
    const batch = this.#writer.take();
    this.#unanswered += batch.length;
    if (batch.length <= CLONE_UP_TO) this.#port.postMessage(batch);
    else this.#port.postMessage(batch, [batch.buffer]);
  }

  /** A batch has come. Throws `FORKLESS_BAD_FRAME`, or what the sink throws. */
  receive(batch: Uint8Array): void {
    try {
      readFrames(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength), this.#sink);
    } finally {
      this.#acknowledge(batch.length);
    }
  }

  #acknowledge(bytes: number): void {
    this.#unacknowledged += bytes;
    if (this.#unacknowledged * 4 < LANE_WINDOW || this.#closed) return;
    this.#port.postMessage(this.#unacknowledged);
    this.#unacknowledged = 0;
  }

  /** The far side has worked off that many bytes. */
  answered(bytes: number): void {
    this.#unanswered = Math.max(0, this.#unanswered - bytes);
    for (const source of this.#waiting) {
      const room = this.#room();
      if (room <= 0) return;
      this.#waiting.delete(source);
      if (source.transmit(Math.min(room, QUANTUM))) this.#waiting.add(source);
    }
  }

  /** Drops what waits; nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.#waiting.clear();
  }

  #room(): number {
    return LANE_WINDOW - this.#unanswered - this.#writer.length;
  }

  #askFlush(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    this.#atTurnEnd(this.#flush);
  }
}
