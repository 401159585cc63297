/** An accepted connection. Lives in the main thread. */
import { Duplex } from 'node:stream';
import { type LeaseId } from '../../common/wire/leases.ts';
import { type Addresses, type ConnectionId, type Millis, type Secured } from '../../common/core/types.ts';

/**
 * An accepted connection, as the main thread owns it from accept to close. It belongs to no worker: it is offered
 * to one, taken back, served by one, and outlives the thread that serves it unless its socket was transferred there.
 */
export interface Connection {
  readonly id: ConnectionId;
  /** While TLS ends in the main thread, what it reads from. Once the socket is transferred, nothing but `MOVED`. */
  stream: Duplex;
  readonly addresses: Addresses;
  /** If its bytes are those of a TLS connection. */
  secured?: Secured | undefined;
  /** Or done with its handshake, or woken by input while no worker had it. */
  acceptedAt: Millis;
  /** The number of its lease at a worker. The first lease has the number of the connection. */
  lease?: LeaseId | undefined;
}

/** The number of the lease that it has, or is to have next. */
export const leaseOf = ({ id, lease }: Pick<Connection, 'id' | 'lease'>): LeaseId => lease ?? id;

/**
 * In the place of a stream whose socket is in a worker: closed, as is what the socket leaves behind, which would hold
 * memory for as long as the connection lasts.
 */
export const MOVED: Duplex = new Duplex().destroy();

/** The real socket's own calls, where the stream is one. */
export interface SocketCalls {
  setNoDelay?(enable: boolean): unknown;
  setKeepAlive?(enable: boolean, delay: number): unknown;
  resetAndDestroy?(): unknown;
}
