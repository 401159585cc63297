import { type Duplex } from 'node:stream';
import { type Addresses, type ConnectionId, type Millis, type Secured } from '../core/types.ts';

/**
 * An accepted connection, as the main thread owns it from accept to close. It belongs to no worker: it is offered
 * to one, taken back, served by one, and outlives the thread that serves it.
 */
export interface Connection {
  readonly id: ConnectionId;
  readonly stream: Duplex;
  readonly addresses: Addresses;
  /** If its bytes are those of a TLS connection. */
  readonly secured?: Secured | undefined;
  readonly acceptedAt: Millis;
}

/** The real socket's own calls, where the stream is one. */
export interface SocketCalls {
  setNoDelay?(enable: boolean): unknown;
  setKeepAlive?(enable: boolean, delay: number): unknown;
  resetAndDestroy?(): unknown;
}
