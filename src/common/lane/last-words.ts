/** The last output of a thread that ends, posted by the port. Runs in a worker: the main thread never ends before one. */
import { type ConnectionId } from '../core/types.ts';
import { FRAME, FrameWriter, isKind, type FrameKind, type RING_FRAME } from '../wire/frames.ts';
import { type LanePort } from './lane.ts';

/** A frame to be sent, or the control message that goes in its place. */
export interface Outgoing {
  readonly kind: FrameKind | typeof RING_FRAME.piece | typeof RING_FRAME.mark;
  readonly id: ConnectionId;
  readonly payload?: Uint8Array | undefined;
  readonly message?: object;
}

// The frames are posted in messages of about this size.
const MESSAGE_BYTES = 1_048_576;

/**
 * Sends frames by the port instead of the ring, because nobody makes room in the ring while this thread ends. Until
 * `gathered` is called the frames are put together; after that each one is posted at once.
 */
export class LastWords {
  readonly #port: LanePort;
  readonly #frames = new FrameWriter();
  #gathering = true;

  constructor(port: LanePort) {
    this.#port = port;
  }

  // A frame in pieces cannot occur here: workers have none, and only a worker ends before its far side.
  send({ kind, id, payload, message }: Outgoing): void {
    if (isKind(kind)) this.#frames.add(kind, id, payload);
    if (!this.#gathering || message) this.#post();
    if (message) this.#port.postMessage(message);
  }

  /** Sends bytes `from` to `to` of `chunk`, or the first part of them; returns how many it took. */
  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): number {
    const end = Math.min(to, from + MESSAGE_BYTES);
    this.#frames.add(FRAME.data, id, chunk, from, end);
    if (!this.#gathering || this.#frames.length >= MESSAGE_BYTES) this.#post();
    return end - from;
  }

  /** All that had waited is here: posts it. */
  gathered(): void {
    this.#gathering = false;
    this.#post();
  }

  #post(): void {
    if (this.#frames.length > 0) this.#port.postMessage(this.#frames.take());
  }
}
