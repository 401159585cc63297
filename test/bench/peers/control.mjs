// The peer's end of its talk with the runner. Runs in the main thread of each peer.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { collectGarbage } from './app.mjs';

/** @typedef {{ workers: number, maxWorkers?: number, transport?: string, protocol?: 'http', options?: object }} Settings */

const RESOLUTION = 10;

/** @type {Settings} */
export const settings = JSON.parse(process.argv[2] ?? '{"workers":2}');

const delays = monitorEventLoopDelay({ resolution: RESOLUTION });

/** What the histogram counts is the time between two ticks of its timer. @param {number} nanoseconds */
const delay = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION);

/** @type {Record<string, () => unknown>} */
const commands = {
  watch: () => {
    delays.enable();
    delays.reset();
  },
  delay: () => ({ p99: delay(delays.percentile(99)), max: delay(delays.max) }),
  collect: collectGarbage,
};

/** @param {object} message */
export const tell = (message) => process.send?.(message);

/**
 * @typedef {object} Deeds
 * @property {() => Promise<number>} [birth] adds a worker and says how many ms it took
 * @property {() => number} [held] connections that are in workers
 * @property {() => void} [stop] ends what would outlive the process
 */

/** @param {Deeds} deeds */
export function control({ stop, ...deeds }) {
  const all = { ...commands, ...deeds };
  process.on('message', async ({ id, command }) => {
    try {
      tell({ id, value: await all[/** @type {keyof typeof all} */ (command)]?.() });
    } catch (error) {
      tell({ id, error: String(error) });
    }
  });
  // Also when the runner was killed and could not clean up.
  process.on('disconnect', () => {
    stop?.();
    process.exit();
  });
}

/** @param {Promise<unknown>} event */
export async function timed(event) {
  const start = performance.now();
  await event;
  return performance.now() - start;
}
