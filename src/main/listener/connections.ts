/** The books of every open connection, and the checks at the door for streams that were accepted elsewhere. */
import { Socket, type ServerOpts } from 'node:net';
import { type Duplex } from 'node:stream';
import { type Clock } from '../../common/core/clock.ts';
import { errors } from '../../common/core/errors.ts';
import { Registry } from '../../common/core/registry.ts';
import { numberOf, textOf } from '../../common/core/thrown.ts';
import {
  type AddressInfo,
  type Addresses,
  type CloseReason,
  type ConnectionId,
  type DropReason,
  type Millis,
  type MoveReason,
  type Secured,
} from '../../common/core/types.ts';
import { networkOf, type Crowd } from './admission.ts';
import { type Connection, type SocketCalls } from '../relay/connection.ts';
import { destroyStream, guarded } from '../../common/user-code/guarded.ts';
import { keep, type StreamKeeper } from '../relay/stream-events.ts';
import { type ConnectionSide } from '../relay/connection-side.ts';
import { securedOf } from '../../common/tls/secured.ts';
import { LAST_CONNECTION_ID, type LeaseId } from '../../common/wire/leases.ts';

/** A connection in events: its number, and where it comes from and arrived. */
export interface ConnectionInfo extends Addresses {
  readonly id: ConnectionId;
}

export const infoOf = ({ id, addresses }: Connection): ConnectionInfo => ({ id, ...addresses });

// The addresses are read at once, because a destroyed socket does not know them any more.
function addressesOf(stream: Duplex, arrived: AddressInfo | undefined): Addresses {
  if (arrived === undefined || !(stream instanceof Socket)) return askedOf(stream);
  const { remoteAddress, remotePort, remoteFamily } = stream;
  return {
    remoteAddress,
    remotePort,
    remoteFamily,
    localAddress: arrived.address,
    localPort: arrived.port,
    localFamily: arrived.family,
  };
}

// A stream of the user's may have any values here, and only text and numbers can travel to a worker.
function askedOf(stream: Duplex): Addresses {
  const remoteFamily = textOf(stream, 'remoteFamily');
  return {
    remoteAddress: textOf(stream, 'remoteAddress'),
    remotePort: numberOf(stream, 'remotePort'),
    remoteFamily,
    localAddress: textOf(stream, 'localAddress'),
    localPort: numberOf(stream, 'localPort'),
    localFamily: textOf(stream, 'localFamily') ?? (stream instanceof Socket ? remoteFamily : undefined),
  };
}

/** How many ended for which reason. */
export type Tally<Reason extends string> = Partial<Record<Reason, number>>;

const count = <Reason extends string>(tally: Tally<Reason>, reason: Reason): void => {
  tally[reason] = (tally[reason] ?? 0) + 1;
};

type Left = (connection: Connection) => void;

class Entry implements Connection, StreamKeeper {
  readonly id: ConnectionId;
  readonly addresses: Addresses;
  stream: Duplex;
  secured: Secured | undefined;
  acceptedAt: Millis;
  readonly #closed: Left;
  readonly #left: Left;

  /** When its stream has closed, `closed` is called, then `left`. */
  constructor(id: ConnectionId, stream: Duplex, addresses: Addresses, now: Millis, closed: Left, left: Left) {
    this.id = id;
    this.addresses = addresses;
    this.stream = stream;
    this.secured = securedOf(stream);
    this.acceptedAt = now;
    this.#closed = closed;
    this.#left = left;
  }

  closed(stream: Duplex): void {
    // Another stream counts by now: a transferred socket leaves one behind that closes at once, and TLS has one above this.
    if (this.stream !== stream) return;
    this.#closed(this);
    this.#left(this);
  }
}

/** Every accepted connection until it is closed, and the books about all that were. */
export class Connections {
  readonly #open = new Registry<ConnectionId, Entry>();
  readonly #perNetwork = new Map<string, number>();
  readonly #clock: Clock;
  readonly #forget: Left = ({ id, addresses, lease }) => {
    if (!this.#open.delete(id)) return;
    this.#leaves(networkOf(addresses));
    if (lease !== undefined) this.#leases.delete(lease);
  };
  /** The numbers of leases that are not those of connections. */
  readonly #leases = new Set<LeaseId>();
  #lastId: ConnectionId = 0;
  accepted = 0;
  served = 0;
  bytesRead = 0;
  bytesWritten = 0;
  readonly drops: Tally<DropReason> = {};
  readonly closes: Tally<CloseReason> = {};
  readonly moves: Tally<MoveReason> = {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Accepted and not closed yet, those that wait included. */
  get size(): number {
    return this.#open.size;
  }

  /** An open connection; `undefined` when it is closed. */
  info(id: ConnectionId): ConnectionInfo | undefined {
    const connection = this.#open.get(id);
    return connection && infoOf(connection);
  }

  /**
   * Returns it, and who was open before it. `left` is called when its stream has closed. `arrived`: where, of a socket
   * of ours for which that is known.
   */
  add(stream: Duplex, left: Left, arrived?: AddressInfo): [Connection, Crowd] {
    const addresses = addressesOf(stream, arrived);
    const connection = new Entry(this.#nextId(), stream, addresses, this.#clock.now(), this.#forget, left);
    // This comes first: an object that throws here is no stream, and must not be counted.
    keep(stream, connection);
    const network = networkOf(connection.addresses);
    const others = this.#crowd(network);
    this.accepted += 1;
    this.#open.set(connection.id, connection);
    if (network !== undefined) this.#perNetwork.set(network, others.sameNetwork + 1);
    return [connection, others];
  }

  /** TLS has ended: from now on it is the plain stream that counts. */
  secured({ id }: Connection, plain: Duplex, shown: string | undefined): void {
    const connection = this.#open.get(id);
    if (!connection) return;
    connection.stream = plain;
    connection.secured = securedOf(plain, shown);
    connection.acceptedAt = this.#clock.now();
    keep(plain, connection);
  }

  /** Who is open beside an open connection. */
  besides({ addresses }: Connection): Crowd {
    const { all, sameNetwork } = this.#crowd(networkOf(addresses));
    return { all: all - 1, sameNetwork: Math.max(0, sameNetwork - 1) };
  }

  #crowd(network: string | undefined): Crowd {
    const sameNetwork = network === undefined ? 0 : (this.#perNetwork.get(network) ?? 0);
    return { all: this.size, sameNetwork };
  }

  #leaves(network: string | undefined): void {
    if (network === undefined) return;
    const others = (this.#perNetwork.get(network) ?? 0) - 1;
    if (others > 0) this.#perNetwork.set(network, others);
    else this.#perNetwork.delete(network);
  }

  claimed(): void {
    this.served += 1;
  }

  moved(why: MoveReason): void {
    count(this.moves, why);
  }

  dropped({ stream }: Connection, reason: DropReason): void {
    count(this.drops, reason);
    destroyStream(stream);
  }

  closed({ connection, reason, bytesRead, bytesWritten }: ConnectionSide): void {
    count(this.closes, reason);
    this.bytesRead += bytesRead;
    this.bytesWritten += bytesWritten;
    this.#forget(connection);
  }

  destroyAll(): void {
    for (const { stream } of [...this.#open.values()]) destroyStream(stream);
  }

  /** Gives the next lease of a connection a number that no open connection has, and no lease has or has had lately. */
  renewLease(connection: Connection): void {
    if (connection.lease !== undefined) this.#leases.delete(connection.lease);
    connection.lease = this.#nextId();
    // Of one that has closed, nobody would tell when the lease is over.
    if (this.#open.has(connection.id)) this.#leases.add(connection.lease);
  }

  #nextId(): ConnectionId {
    do this.#lastId = this.#lastId === LAST_CONNECTION_ID ? 1 : this.#lastId + 1;
    while (this.#open.has(this.#lastId) || this.#leases.has(this.#lastId));
    return this.#lastId;
  }
}

// Streams that any prefork of this thread was given.
const handedIn = new WeakSet<Duplex>();

/**
 * Refuses a stream whose bytes the relay would lose or garble, and a stream that was handed in before: its bytes can go
 * to one worker only, and its end is told to one owner only.
 */
export function checkStream(stream: Duplex): void {
  // A stream of another package is a stream too, so its methods are looked at, not its class.
  const duck = stream as Partial<Duplex> | null | undefined;
  if (typeof duck?.write !== 'function' || typeof duck.on !== 'function')
    throw errors.badOption('stream', 'an open Duplex of bytes', stream);
  const flaw = flawOf(stream);
  if (flaw !== undefined) throw errors.badOption('stream', 'an open Duplex of bytes', flaw);
  handedIn.add(stream);
}

/** Gives a stream that was accepted elsewhere what this prefork's own sockets have, where it can have it. */
export function likeAccepted(stream: Duplex & SocketCalls, options: ServerOpts): void {
  const { noDelay, keepAlive, keepAliveInitialDelay = 0 } = options;
  guarded(stream, () => {
    if (noDelay === true) stream.setNoDelay?.(true);
    if (keepAlive === true) stream.setKeepAlive?.(true, keepAliveInitialDelay);
  });
}

function flawOf(stream: Duplex): string | undefined {
  const { destroyed, readableEncoding, readableObjectMode, writableObjectMode } = stream;
  if (destroyed) return 'a destroyed one';
  if (handedIn.has(stream)) return 'one that was accepted already';
  const odd = readableEncoding !== null || readableObjectMode || writableObjectMode;
  return odd ? 'one in object mode or with an encoding' : undefined;
}
