/** The interface of the main thread's side of a connection. Runs in the main thread. */
import { type CloseReason } from '../../common/core/types.ts';
import { type Connection } from './connection.ts';

/** The main thread's end of a connection that a worker has claimed, whatever the transport. */
export interface ConnectionSide {
  readonly connection: Connection;
  readonly reason: CloseReason;
  /** What closed it, a code where there is one; `undefined` where it ended in order. */
  readonly error: string | undefined;
  /** Bytes that came from the peer. */
  readonly bytesRead: number;
  /** Bytes sent to the peer. */
  readonly bytesWritten: number;
  /** Bytes that came from the peer or left for it: while this stands still, nothing moves. */
  readonly moved: number;
  /** The worker has claimed the connection: its bytes may flow. */
  start(): void;
  /** The worker is gone, or will never speak again: the connection is closed. */
  abandon(reason: CloseReason): void;
  /**
   * Nothing has moved for too long: closes the connection as if the network had given the peer up, unless the worker
   * knows better.
   */
  timeOut(reason: CloseReason): void;
  /** Closes the connection at once. */
  destroy(): void;
}
