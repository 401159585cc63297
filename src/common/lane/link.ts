import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { createRings, type Rings } from '../wire/ring.ts';

/** What joins the main thread and one worker: a port each, and memory for the lanes. */
export interface Link {
  readonly near: MessagePort;
  readonly far: MessagePort;
  readonly rings: Rings;
}

export function openLink(): Link {
  const { port1: near, port2: far } = new MessageChannel();
  return { near, far, rings: createRings() };
}
