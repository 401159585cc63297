/** A count in shared memory that bounds the messages from one thread that wait in another. Used in both threads. */

/**
 * How many messages of one thread wait for another one, in a word that both share. A MessagePort has no bound of its own
 * (nodejs/node#37428), and what waits in it is the receiver's memory. The sender counts up and the receiver down, so the
 * sender sees room again also while its own event loop stands still, in the very loop that sends.
 */
export type Backlog = Int32Array<SharedArrayBuffer>;

export const createBacklog = (): Backlog =>
  new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** The sender is about to send one. False: `most` wait already, and it may not. There is one sender. */
export function enter(backlog: Backlog, most: number): boolean {
  if (Atomics.load(backlog, 0) >= most) return false;
  Atomics.add(backlog, 0, 1);
  return true;
}

/** The receiver has taken one, or it could not be sent. */
export const leave = (backlog: Backlog): void => {
  Atomics.sub(backlog, 0, 1);
};
