/**
 * What a lane is: the interfaces between a lane, the connections that send by it, and the thread that opens it. Both
 * threads use them.
 */
import { type ConnectionId } from '../core/types.ts';
import { type FrameKind, type FrameSink } from '../wire/frames.ts';

/** A connection's sender that waits for room on a lane. */
export interface LaneSource {
  /** Sends `quantum` bytes or somewhat more, if the lane takes them; returns whether it has more to send now. */
  transmit(quantum: number): boolean;
}

/** The part of a lane that connections see: the frames that they send. */
export interface Lane {
  /** Sends a frame without regard to room: there are only a bounded few of these per connection. */
  control(kind: FrameKind, id: ConnectionId, payload?: Uint8Array): void;
  /** Grants the far side credit for more bytes of a connection. */
  credit(id: ConnectionId, bytes: number): void;
  /**
   * Sends the first `to` bytes of `chunk`, copied; returns how many it took. A few bytes overtake the connections that
   * wait for room, within bounds; more of them do not.
   */
  sendNow(id: ConnectionId, chunk: Uint8Array, to: number): number;
  /** Sends bytes `from` to `to` of `chunk`, copied; returns how many it took. Only called by `transmit`. */
  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): number;
  /** Lets `source` transmit when there is room, in turn with all others that wait. */
  admit(source: LaneSource): void;
}

/**
 * One end of the pair of lanes between the main thread and one worker. It sends by one lane and receives by the other,
 * and it owns the port: it alone listens to it and posts by it. A lane decides how frames get across; it changes neither
 * the frames nor their order.
 */
export interface LaneEnd {
  /** The sending half, for connections. */
  readonly out: Lane;
  /** The far side has read everything, and waits for a doorbell. False where that cannot be seen. */
  readonly rests: boolean;
  /**
   * False once it broke: what the far side has published is not all read, and what is sent goes nowhere.
   */
  readonly intact: boolean;
  /** Sends a control message by the port. It arrives in order with the frames. */
  post(message: object): void;
  /**
   * Posts a control message at once, with what is moved along with it. It is in no order with the frames. Throws where
   * the port does.
   */
  postAside(message: object, moved: readonly object[]): void;
  /** Reads the frames that a far side has left which is gone. From then on it neither reads nor sends frames. */
  close(): void;
  /**
   * This thread ends now: sends the far side everything that was given to the lane, and all that waiting connections may
   * send. From here on nothing waits for a turn.
   */
  finish(): void;
  /** Asks for a turn in which what was written is shown to the far side, and `published` is called. */
  askTurn(): void;
  /** How many bytes the far side can see in all, with headers and modulo 2^32: a cursor for `hasRead`. */
  readonly sent: number;
  /** Whether the far side is done with all that was sent before a cursor. */
  hasRead(cursor: number): boolean;
  /** The connections for which there are bytes that the far side may not have read. */
  unreadFor(): Set<ConnectionId>;
  /**
   * The last bytes that were sent for each connection of `wanted`, as many as it says, copied: those that the far side has
   * not taken. It is only right as long as nothing was sent since it was known that the far side takes no more of them.
   * Throws `FORKLESS_BAD_FRAME` where more are wanted than can be unread.
   */
  unread(wanted: ReadonlyMap<ConnectionId, number>): Map<ConnectionId, Buffer>;
  /** Calls `done` once everything is read that the far side has published by now; at once on a closed lane. */
  whenRead(done: () => void): void;
  /** Closes the port, behind what was posted; nothing that comes is noticed any more. */
  end(): void;
}

/** The part of a MessagePort that a lane uses. */
export interface LanePort {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  postMessage(message: unknown, moved?: readonly object[]): void;
  close(): void;
}

export interface LaneEndOptions {
  readonly port: LanePort;
  /** Takes the frames. */
  readonly sink: FrameSink;
  /** All frames that had come are taken, for now. */
  readonly passed: () => void;
  /** The far side can see everything that was sent, and nothing waits for room. Only some kinds of lanes tell. */
  readonly published?: (() => void) | undefined;
  /** Takes the control messages. */
  readonly message: (message: unknown) => void;
  /** Something came by the port, and has been dealt with. */
  readonly alive?: (() => void) | undefined;
  /** The far side sent something that no lane sends. Told once: nothing that comes after it is noticed. */
  readonly broken: (error: unknown) => void;
  /** Runs its argument once, at the end of this turn of the event loop. */
  readonly atTurnEnd: (run: () => void) => void;
}
