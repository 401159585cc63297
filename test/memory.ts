import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Live memory of this thread in bytes, JS heap and what lies outside it. */
export async function liveMemory(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    collectGarbage();
    // What finalizers free, they free in a turn of their own.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What one of `count` costs, in bytes: `fill` makes all of them, and what it returns keeps them alive. */
export async function costOfEach(count: number, fill: () => unknown): Promise<number> {
  const before = await liveMemory();
  const kept = await fill();
  const cost = ((await liveMemory()) - before) / count;
  // Not freed before it is measured.
  if (kept === undefined) throw new Error('nothing was kept');
  return cost;
}
