/**
 * Shared memory in which a worker notes its latest client and how many rest, and the main thread reads it. Used in both
 * threads.
 */
import { type ConnectionId, type Millis } from '../core/types.ts';

/**
 * What a worker took up last, and how many of its clients rest, in memory that the main thread can read without its help,
 * also when it is stuck. Two stores a frame are all that it costs. The times come from a clock that both threads share, cut to 32 bits.
 */
export type Activity = Int32Array<SharedArrayBuffer>;

const CLIENT = 0;
const AT = 1;
const RESTING = 2;
const WORDS = 3;

export const createActivity = (): Activity =>
  new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));

export function noteClient(activity: Int32Array, id: ConnectionId, now: Millis): void {
  Atomics.store(activity, CLIENT, id);
  Atomics.store(activity, AT, now | 0);
}

/** The connection that was taken up last, and how long ago; right for up to 24 days. */
export function lastClient(
  activity: Int32Array,
  now: Millis,
): { readonly id: ConnectionId; readonly age: Millis } | undefined {
  const id = Atomics.load(activity, CLIENT);
  if (id === 0) return undefined;
  return { id, age: Math.max(0, ((now | 0) - Atomics.load(activity, AT)) | 0) };
}

/** Connections that are open and wait for their peer's next request, where the protocol tells. */
export function noteResting(activity: Int32Array, count: number): void {
  Atomics.store(activity, RESTING, count);
}

export const restingClients = (activity: Int32Array): number => Atomics.load(activity, RESTING);
