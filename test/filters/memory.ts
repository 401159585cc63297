import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function used(): number {
  // Twice: what ends in the first go (finalizers, memory outside the heap) is gone after the second.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes of memory that what `make` gives keeps alive: on the heap, and outside of it. */
export function heldBy(make: () => unknown): number {
  // Once for what is compiled and made only once.
  make();
  const before = used();
  const made = make();
  const after = used();
  kept = made;
  kept = undefined;
  return after - before;
}

// Keeps what was made alive until it was measured.
export let kept: unknown;
