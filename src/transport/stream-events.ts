import { type Duplex } from 'node:stream';

/** Whoever is told what happens to a connection's stream. */
export interface StreamOwner {
  /** The peer has ended its side. */
  ended(): void;
  /** All output is flushed, and its end sent. */
  finished(): void;
  failed(error: Error): void;
  closed(): void;
}

const OWNER: unique symbol = Symbol('forkless.owner');

interface Owned extends Duplex {
  [OWNER]?: StreamOwner;
}

// The same functions for all streams: ten thousand idle connections have a closure less for each event.
function ended(this: Owned): void {
  this[OWNER]?.ended();
}

function finished(this: Owned): void {
  this[OWNER]?.finished();
}

function failed(this: Owned, error: Error): void {
  this[OWNER]?.failed(error);
}

function closed(this: Owned): void {
  this[OWNER]?.closed();
}

/** Tells `owner` from now on, and nobody before it. A stream that is destroyed already is closed at once. */
export function tellOwner(stream: Owned, owner: StreamOwner): void {
  stream[OWNER] = owner;
  stream.on('end', ended).on('finish', finished).on('error', failed);
  if (stream.destroyed) owner.closed();
  else stream.on('close', closed);
}

/** A listener for errors that somebody else deals with: without any, they would be uncaught exceptions. */
export const ignore = (): void => undefined;
