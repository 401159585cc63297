/** The port and the memory between the main thread and one worker. The main thread makes them; the worker gets its part. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { createRings, type Rings } from '../wire/ring.ts';

/** A port for the main thread, one for the worker, and the memory of the rings between them. */
export interface Link {
  readonly near: MessagePort;
  readonly far: MessagePort;
  readonly rings: Rings;
}

export function openLink(): Link {
  const { port1: near, port2: far } = new MessageChannel();
  return { near, far, rings: createRings() };
}
