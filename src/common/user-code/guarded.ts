/**
 * Calls of user code, and of streams that may be the user's, whose errors must not harm other connections. Used in both
 * threads.
 */
import { Duplex } from 'node:stream';
import { asError } from '../core/thrown.ts';

/** Destroys a stream, also one of which `destroy` itself throws. */
export function destroyStream(stream: Duplex, error?: Error): void {
  try {
    stream.destroy(error);
  } catch {
    destroyByForce(stream, error);
  }
}

function destroyByForce(stream: Duplex, error: Error | undefined): void {
  try {
    Duplex.prototype.destroy.call(stream, error);
  } catch {
    // It is no stream of Node's, and there is no other way to close it.
  }
}

/** A flag of a stream; `false` where it cannot be asked. */
export function isDestroyed(stream: Duplex): boolean {
  try {
    return stream.destroyed;
  } catch {
    return false;
  }
}

/** The peer has ended its side, and all of it was read. */
export function hasRead(stream: Duplex): boolean {
  try {
    return stream.readableEnded;
  } catch {
    return false;
  }
}

/** This side was ended, and all of it is flushed. */
export function hasWritten(stream: Duplex): boolean {
  try {
    return stream.writableFinished;
  } catch {
    return false;
  }
}

/** Calls a stream that may be the user's own, and throw: that concerns its connection alone, not the worker's others. */
export function guarded(stream: Duplex, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    destroyStream(stream, asError(error));
  }
}

/** A listener for errors that somebody else deals with: without any, they would be uncaught exceptions. */
export const ignore = (): void => undefined;
