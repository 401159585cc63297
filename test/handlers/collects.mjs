// Loaded before anything else in each thread of a program: a worker that is asked collects its garbage and tells what memory
// it still has, in bytes. The young generation of a busy thread takes many MiB that nobody holds.
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

/** Collects what nobody holds; resolves with the rest. */
export async function collected() {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc();
    // Finalizers run in a turn of their own.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const channel = new BroadcastChannel('collects');
channel.unref();

if (!isMainThread)
  channel.onmessage = async ({ data: { asked } }) => {
    if (asked !== undefined) channel.postMessage({ answers: asked, threadId, kept: await collected() });
  };

let count = 0;

/** The same of all these threads and of the main thread, which asks. */
export async function collectedBy(threads) {
  const asked = (count += 1);
  const missing = new Set(threads);
  let sum = 0;
  const answers = new Promise((resolve) => {
    channel.onmessage = ({ data: { answers, threadId: thread, kept } }) => {
      if (answers !== asked || !missing.delete(thread)) return;
      sum += kept;
      if (missing.size === 0) resolve();
    };
  });
  channel.postMessage({ asked });
  if (missing.size > 0) await answers;
  return sum + (await collected());
}
