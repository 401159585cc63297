import { type ConnectionId } from '../core/types.ts';
import { type FrameKind, type FrameSink } from '../wire/frames.ts';

/** Something that waits for room on a lane to send a connection's bytes. */
export interface LaneSource {
  /** Sends `quantum` bytes or somewhat more, if the lane takes them; returns whether it has more to send now. */
  transmit(quantum: number): boolean;
}

/** What a connection sees of the lane it sends by. */
export interface Lane {
  /** Sends a frame without regard to room: there are only a bounded few of these per connection. */
  control(kind: FrameKind, id: ConnectionId, payload?: Uint8Array): void;
  credit(id: ConnectionId, bytes: number): void;
  /**
   * Sends the first `to` bytes of `chunk`, copied; returns how many it took. A few bytes overtake those who wait for room,
   * within bounds; more of them do not.
   */
  sendNow(id: ConnectionId, chunk: Uint8Array, to: number): number;
  /** Sends bytes `from` to `to` of `chunk`, copied; returns how many it took. Only called by `transmit`. */
  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): number;
  /** Lets `source` transmit when there is room, in turn with all others that wait. */
  admit(source: LaneSource): void;
}

/**
 * One end of the pair of lanes between the main thread and one worker: sends by one, receives by the other. How the
 * frames get across is its own matter; what travels and in which order is not.
 */
export interface LaneEnd extends Lane {
  /** The far side has read everything, and waits for a doorbell. False where that cannot be seen. */
  readonly rests: boolean;
  /** Sends a control message by the port. It arrives in order with the frames. */
  post(message: object): void;
  /** Something came by the port: the lane's own signals, or a control message. */
  heard(message: unknown): void;
  /** Reads what a far side that is gone has left, then neither reads nor sends anything more. */
  close(): void;
  /**
   * This thread ends now: sends the far side all that was given to the lane, and what those who wait for room may send.
   * From here on nothing waits for a turn.
   */
  finish(): void;
}

/** What a lane needs of a MessagePort. */
export interface LanePort {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
}

export interface LaneEndOptions {
  readonly port: LanePort;
  readonly sink: FrameSink;
  /** After some frames, for now. */
  readonly passed: () => void;
  /** Gets the control messages. */
  readonly message: (message: unknown) => void;
  /** The far side sent what no lane sends; nothing more is read from it. Told once. */
  readonly broken: (error: unknown) => void;
  /** Runs its argument once, at the end of this turn of the event loop. */
  readonly atTurnEnd: (run: () => void) => void;
}
