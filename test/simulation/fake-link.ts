import { EventEmitter } from 'node:events';
import { type MessagePort } from 'node:worker_threads';
import { type Link } from '../../src/common/lane/link.ts';
import { createRings } from '../../src/common/wire/ring.ts';

const isScalar = (message: unknown): boolean => typeof message !== 'object' || message === null;

/** One end of a port: what was posted to it waits until the simulation delivers it. */
export class FakePort extends EventEmitter {
  readonly inbox: unknown[] = [];
  far: FakePort | undefined;
  closed = false;

  postMessage(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    if (this.closed || this.far === undefined || this.far.closed) return;
    this.far.inbox.push(isScalar(message) ? message : structuredClone(message, { transfer: [...transfer] }));
  }

  /** Delivers one message; false when there is none. */
  deliver(): boolean {
    if (this.closed || this.inbox.length === 0) return false;
    this.emit('message', this.inbox.shift());
    return true;
  }

  close(): void {
    this.closed = true;
    this.inbox.length = 0;
  }

  unref(): void {
    // Nothing here holds a process.
  }
}

/** Ports and rings of `capacity` bytes that only move when told to. */
export function fakeLink(capacity: number): Link {
  const [near, far] = [new FakePort(), new FakePort()];
  near.far = far;
  far.far = near;
  // Of all that a port does, both sides use what the fake has.
  const port = (fake: FakePort): MessagePort => fake as unknown as MessagePort;
  return { near: port(near), far: port(far), rings: createRings(capacity) };
}
