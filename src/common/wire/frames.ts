/** The frames of a lane: their kinds and layout, and how they are read and written. Used in both threads. */
import { errors } from '../core/errors.ts';
import { type ConnectionId } from '../core/types.ts';

/**
 * What travels on a lane. A frame is a header of three little-endian 32-bit words (payload length, kind,
 * connection) and its payload; a batch is any number of whole frames.
 */
export const FRAME = {
  /** Main to worker: a connection is offered. Payload: `OpenFrame` as JSON; its slot alone, where its socket follows. */
  open: 1,
  /** Worker to main: the offer is claimed; the connection's bytes may come. */
  claim: 2,
  /** Worker to main: the offer was taken back before this side looked at it. */
  skip: 3,
  /** Bytes of the connection. */
  data: 4,
  /** This direction has ended (half-close). */
  end: 5,
  /** The sender's side of the connection is closed. Payload: `CloseFrame` as JSON, or none; or a `TransferClose`. */
  close: 6,
  /** Worker to main: reset the connection instead of ending it. */
  reset: 7,
  /** The receiver may be sent that many bytes more. Payload: one 32-bit word. */
  credit: 8,
  /** Worker to main: a call on the real socket. Payload: `CallFrame` as JSON. */
  call: 9,
  /** Main to worker: these counts have stood still for too long. Worker to main: they have not. Payload: `Counts`. */
  counts: 10,
  /** Worker to main: the worker leaves, and the connection is at rest. The main thread is to take it back. */
  rest: 11,
  /** Main to worker: the connection at rest was taken back. It lives on, and is nothing to this worker any more. */
  takenBack: 12,
} as const;

/** Frames of a ring alone, which its reader uses up itself. */
export const RING_FRAME = {
  /** Nothing: the rest of the ring up to its end. */
  pad: 0,
  /** A piece of the next frame's payload, which goes before it. */
  piece: 13,
  /** A control message was posted here; what follows was written after it. */
  mark: 14,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export const HEADER = 12;

/** No frame is larger: a longer length is garbage. */
export const MAX_PAYLOAD = 16_777_216;

const LAST_KIND = FRAME.takenBack;

/** Takes frames, in order. `payload` is a view of memory that is used again: it is only valid during the call. */
export type FrameSink = (kind: FrameKind, id: ConnectionId, payload: Buffer) => void;

export const isKind = (word: number): word is FrameKind => word >= FRAME.open && word <= LAST_KIND;

/**
 * Walks a batch. Throws `FORKLESS_BAD_FRAME` at a header that no sender writes or a frame that is cut off: the
 * far side is broken, and nothing after that point can be trusted.
 */
export function readFrames(batch: Buffer, sink: FrameSink): void {
  let at = 0;
  while (at < batch.length) {
    if (batch.length - at < HEADER)
      throw errors.badFrame(`${batch.length - at} bytes where a header belongs`);
    const length = batch.readUInt32LE(at);
    const kind = batch.readUInt32LE(at + 4);
    const id = batch.readUInt32LE(at + 8);
    const end = at + HEADER + length;
    if (!isKind(kind)) throw errors.badFrame(`kind ${kind}`);
    if (length > MAX_PAYLOAD || end > batch.length) throw errors.badFrame(`a payload of ${length} bytes`);
    sink(kind, id, batch.subarray(at + HEADER, end));
    at = end;
  }
}

const FIRST_SIZE = 4096;

/** Collects frames into one batch. */
export class FrameWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #length = 0;

  /** Bytes collected, headers included. */
  get length(): number {
    return this.#length;
  }

  /** Appends a frame; with `from` and `to`, of that part of `payload`. The bytes are copied. */
  add(
    kind: FrameKind,
    id: ConnectionId,
    payload?: Uint8Array,
    from = 0,
    to: number = payload?.length ?? 0,
  ): void {
    const size = to - from;
    const at = this.#reserve(HEADER + size);
    this.#buffer.writeUInt32LE(size, at);
    this.#buffer.writeUInt32LE(kind, at + 4);
    this.#buffer.writeUInt32LE(id, at + 8);
    if (payload !== undefined && size > 0) {
      this.#buffer.set(size === payload.length ? payload : payload.subarray(from, to), at + HEADER);
    }
  }

  addWord(kind: FrameKind, id: ConnectionId, word: number): void {
    const at = this.#reserve(HEADER + 4);
    this.#buffer.writeUInt32LE(4, at);
    this.#buffer.writeUInt32LE(kind, at + 4);
    this.#buffer.writeUInt32LE(id, at + 8);
    this.#buffer.writeUInt32LE(word, at + HEADER);
  }

  /** The batch so far, in memory of its own that is the caller's from now on; the writer is empty again. */
  take(): Uint8Array<ArrayBuffer> {
    const batch = new Uint8Array(this.#length);
    batch.set(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    return batch;
  }

  #reserve(size: number): number {
    const at = this.#length;
    if (at + size > this.#buffer.length) this.#grow(at + size);
    this.#length = at + size;
    return at;
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** A payload of one word. */
export function encodeWord(word: number): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, word, true);
  return payload;
}

/** The one word of a `credit` frame. */
export function readWord(payload: Buffer): number {
  if (payload.length !== 4) throw errors.badFrame(`a word of ${payload.length} bytes`);
  return payload.readUInt32LE(0);
}
