import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function used(): number {
  // Until it grows no less: memory outside of the heap is given back by and by.
  for (let least = Infinity; ;) {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external >= least) return least;
    least = heapUsed + external;
  }
}

/**
 * Bytes of memory that what `make` gives keeps alive: on the heap, and outside of it. The least of four times, for what
 * the engine itself takes meanwhile (compiled code, its own tables) does not come each time; fewer when one is
 * `enough`.
 */
export function keptBy(make: () => unknown, enough: (bytes: number) => boolean): number {
  let least = Infinity;
  for (let times = 0; times < 4 && !enough(least); times += 1) {
    const before = used();
    kept = make();
    least = Math.min(least, used() - before);
    kept = undefined;
  }
  return least;
}

/** @public Exported to keep what was made alive until it is measured. */
export let kept: unknown;
