import { type ConnectionId } from '../core/types.ts';
import { type FrameKind } from '../wire/frames.ts';

/** Something that waits for room on a lane to send a connection's bytes. */
export interface LaneSource {
  /** Sends at most `quantum` bytes; returns whether it has more to send now. */
  transmit(quantum: number): boolean;
}

/**
 * The sending direction between the main thread and one worker. How the frames get across (a batched message now,
 * a ring in shared memory later) is the lane's own matter; what travels and in which order is not.
 */
export interface Lane {
  /** Sends a frame without regard to room: there are only a bounded few of these per connection. */
  control(kind: FrameKind, id: ConnectionId, payload?: Uint8Array): void;
  credit(id: ConnectionId, bytes: number): void;
  /** Sends bytes `from` to `to` of `chunk`, copied. Only called within what `transmit` was allowed. */
  data(id: ConnectionId, chunk: Uint8Array, from: number, to: number): void;
  /** Lets `source` transmit, at once or as soon as there is room, in turn with all others that wait. */
  admit(source: LaneSource): void;
}
