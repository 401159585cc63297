/** The events of a connection's stream, without a closure for each. Runs in the main thread. */
import { type Duplex } from 'node:stream';

/** Whoever is told what happens to a connection's stream. */
export interface StreamOwner {
  /** The peer has ended its side. */
  ended(): void;
  /** All output is flushed, and its end sent. */
  finished(): void;
  /** A stream of the user's may have any value for an error. */
  failed(error: unknown): void;
  closed(): void;
}

/** Whoever is told that a stream is closed, before its owner is. */
export interface StreamKeeper {
  closed(stream: Duplex): void;
}

const OWNER: unique symbol = Symbol('forkless.owner');
const KEEPER: unique symbol = Symbol('forkless.keeper');

interface Owned extends Duplex {
  [OWNER]?: StreamOwner;
  [KEEPER]?: StreamKeeper;
}

// The same functions for all streams, one for each event: ten thousand idle connections have neither closures nor lists
// of listeners.
function ended(this: Owned): void {
  this[OWNER]?.ended();
}

function finished(this: Owned): void {
  this[OWNER]?.finished();
}

function failed(this: Owned, error: unknown): void {
  this[OWNER]?.failed(error);
}

function closed(this: Owned): void {
  this[KEEPER]?.closed(this);
  this[OWNER]?.closed();
}

/** Tells `keeper`. An error of the stream is no uncaught exception from now on, also while it has no owner. */
export function keep(stream: Owned, keeper: StreamKeeper): void {
  stream[KEEPER] = keeper;
  stream.on('error', failed).on('close', closed);
}

/** Tells `owner` from now on. A stream that is destroyed already is closed at once, and may be once more. */
export function tellOwner(stream: Owned, owner: StreamOwner): void {
  stream[OWNER] = owner;
  stream.on('end', ended).on('finish', finished);
  if (!stream[KEEPER]) stream.on('error', failed).on('close', closed);
  if (stream.destroyed) owner.closed();
  // A peer that has ended within its TLS handshake has said so before anybody could hear.
  else if (stream.readableEnded) owner.ended();
}
