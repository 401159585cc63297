import { setTimeout as delay } from 'node:timers/promises';
import { Dialogue, lines, scripts } from './dialogue.mjs';
import { exchange } from './exchange.mjs';
import { Tally } from './tally.mjs';

/**
 * What the generator is to do. Times in ms, sizes in bytes.
 * @typedef {object} LoadSpec
 * @property {string} kind one of `kinds`
 * @property {number} [port]
 * @property {number} [warmUp] before counting begins
 * @property {number} duration of the counting
 * @property {number} [connections]
 * @property {number} [depth] requests under way on each connection
 * @property {string} [script] one of `scripts`
 * @property {number} [size] of a request or reply
 * @property {number} [rate] requests per second
 * @property {number} [timeout] after which a request is late
 * @property {number} [total] bytes after which the phase ends early
 */

/**
 * @typedef {Required<LoadSpec>} Load
 * @typedef {{ stop: () => void, done?: Promise<unknown> }} Running `done` ends the phase instead of `duration`
 * @typedef {(load: Load, tally: Tally) => Running | Promise<Running>} Kind resolves when it is under way
 */

/** @type {(load: Load, tally: Tally) => Running} */
function dialogue({ port, connections, depth, script, size }, tally) {
  const all = Array.from(
    { length: connections },
    (_, id) => new Dialogue({ port, depth }, scripts[script](size, id), tally),
  );
  return { stop: () => all.forEach((each) => each.close()) };
}

/**
 * Keeps `connections` loops going, each of which does one exchange after another.
 * @param {number} connections
 * @param {(loop: number) => Promise<unknown>} once
 * @returns {Running}
 */
function loops(connections, once) {
  let stopped = false;
  Array.from({ length: connections }, async (_, loop) => {
    while (!stopped) await once(loop);
  });
  return { stop: () => (stopped = true) };
}

/** @type {Kind} */
const churn = ({ port, connections, size }, tally) =>
  loops(connections, (loop) => exchange({ port, line: lines('e', size, loop).requests[0] }, tally));

const QUICK = { count: 20, pause: 10 };
const SLOW = { count: 1_000, pause: 100 };

/**
 * One connection in ten stays and blocks its worker for 50 ms, then rests for 100; the others stay for 20 quick
 * requests. Only the quick ones count.
 * @type {Kind}
 */
function mixed({ port, connections, size }, tally) {
  const slow = loops(connections / 10, (loop) =>
    exchange({ port, line: lines('b', size, loop).requests[0], ...SLOW }, new Tally()),
  );
  const quick = loops((connections * 9) / 10, (loop) =>
    exchange({ port, line: lines('e', size, loop).requests[0], ...QUICK }, tally),
  );
  return { stop: () => [slow, quick].forEach((each) => each.stop()) };
}

const OPENING = 200;
const COLLECTING = 64;

/**
 * Connections that have been served once and then wait; opened in groups, so that no backlog overflows.
 * @param {Load} load
 * @param {Tally} tally
 * @returns {Promise<Running>}
 */
async function idle({ port, connections }, tally) {
  /** @type {Dialogue[]} */
  const all = [];
  const open = async (/** @type {number} */ count, /** @type {string} */ letter) => {
    const served = new Tally();
    const script = lines(letter, 32, 0);
    for (let id = 0; id < count; id += 1)
      all.push(new Dialogue({ port, depth: 1, limit: 1 }, script, served));
    for (const end = Date.now() + 10_000; served.requests + served.failed < count && Date.now() < end;)
      await delay(2);
    tally.failed += count - served.requests;
    tally.wrong += served.wrong;
  };
  while (all.length < connections) await open(Math.min(OPENING, connections - all.length), 'e');
  // Enough of them that every worker gets one and collects its garbage.
  await open(COLLECTING, 'g');
  return { stop: () => all.forEach((each) => each.close()) };
}

/** Late enough that all is under way and warm. */
const HANG_AFTER = 500;

/**
 * A steady stream of requests on connections of their own, whether or not earlier ones have been answered; one more
 * request that never comes back makes its worker hang. Waits for the last ones, so that each is accounted for.
 * @type {Kind}
 */
function hang({ port, rate, size, timeout, duration }, tally) {
  const line = lines('e', size, 0).requests[0];
  /** @type {Set<Promise<void>>} */
  const open = new Set();
  const send = () => {
    const request = exchange({ port, line, timeout }, tally).finally(() => open.delete(request));
    open.add(request);
  };
  const begin = performance.now();
  const elapsed = () => performance.now() - begin;
  let sent = 0;
  const hung = setTimeout(
    () => void exchange({ port, line: Buffer.from('h\n'), timeout: duration }, new Tally()),
    HANG_AFTER,
  );
  const done = (async () => {
    for (; elapsed() < duration; await delay(5)) for (; sent < (elapsed() / 1_000) * rate; sent += 1) send();
    await Promise.all(open);
  })();
  return { done, stop: () => clearTimeout(hung) };
}

const CHUNK = 1_048_576;

/**
 * All workers busy with requests that cost half a millisecond, and `total` bytes downloaded meanwhile.
 * @type {Kind}
 */
function saturate(load, tally) {
  const work = dialogue({ ...load, script: 'work' }, tally);
  const stream = new Tally();
  const download = dialogue({ ...load, connections: 1, depth: 4, script: 'download', size: CHUNK }, stream);
  const done = (async () => {
    const end = performance.now() + load.duration;
    while (stream.requests * CHUNK < load.total && performance.now() < end) await delay(10);
    tally.streamed = stream.requests * CHUNK;
    tally.wrong += stream.wrong;
  })();
  return { done, stop: () => [work, download].forEach((each) => each.stop()) };
}

/** @type {Record<string, Kind>} */
export const kinds = { dialogue, churn, mixed, idle, hang, saturate };
