import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { work } from '../peers/app.mjs';

/**
 * How much is measured. Times in ms.
 * @typedef {object} Plan
 * @property {boolean} quick
 * @property {number} workers of each peer
 * @property {number} generators processes that make the load
 * @property {number} workRounds rounds of `work` that take half a millisecond
 * @property {number} rounds of each load
 * @property {number} roundTime
 * @property {number} warmUp of each round
 * @property {number} preheats of each peer, before its first round
 * @property {number} preheat of each
 * @property {number} mixedRounds
 * @property {number} mixedTime
 * @property {number} idleFirst connections before the first look, so that what grows only once does not count
 * @property {number} idleConnections
 * @property {number} births
 * @property {number} starts
 * @property {number} hangTime
 * @property {number} hangTimeout
 * @property {number} streamTime at most
 * @property {number} streamBytes
 * @property {number} idlePoolSettle
 * @property {number} idlePoolTime
 * @property {number} settle before memory or an idle pool is measured
 */

const GIB = 2 ** 30;

const full = {
  rounds: 5,
  roundTime: 900,
  warmUp: 150,
  preheats: 4,
  preheat: 700,
  mixedRounds: 3,
  mixedTime: 2_500,
  // Heaps and the C library's arenas grow by some MiB with the first thousand.
  idleFirst: 2_000,
  idleConnections: 10_000,
  births: 10,
  starts: 5,
  hangTime: 30_500,
  hangTimeout: 5_000,
  streamTime: 10_000,
  streamBytes: GIB,
  // V8 tidies the heap of each young thread for about as long; that is no cost of an idle pool.
  idlePoolSettle: 30_000,
  // Each worker that rests beats once in it.
  idlePoolTime: 16_700,
  settle: 1_000,
};

const quick = {
  rounds: 2,
  roundTime: 150,
  warmUp: 50,
  preheats: 1,
  preheat: 100,
  mixedRounds: 1,
  mixedTime: 700,
  idleFirst: 300,
  idleConnections: 500,
  births: 2,
  starts: 1,
  hangTime: 1_200,
  hangTimeout: 1_500,
  streamTime: 1_000,
  streamBytes: GIB / 16,
  idlePoolSettle: 500,
  idlePoolTime: 2_500,
  settle: 200,
};

/** Descriptors that are not connections: libraries, ports, standard streams. */
const OTHER_FILES = 500;

/** Open files that a process may have; the limit of this one, which its children inherit. */
function fileLimit() {
  if (process.platform !== 'linux') return Infinity;
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return limit ? Number(limit[1]) : Infinity;
}

/** How many rounds of `work` one half of a millisecond of this machine's CPU time is. */
function calibrate() {
  const rounds = 2_000_000;
  const took = () => {
    const before = process.cpuUsage();
    work(rounds);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  const times = Array.from({ length: 9 }, took).sort((a, b) => a - b);
  return Math.round((rounds * 0.5) / times[0]);
}

/**
 * @param {{ quick: boolean, workers?: number | undefined, generators?: number | undefined }} options
 * @returns {Plan}
 */
export function makePlan(options) {
  const cores = availableParallelism();
  const sizes = options.quick ? quick : full;
  return {
    quick: options.quick,
    workers: options.workers ?? Math.max(2, Math.min(cores, 4)),
    generators: options.generators ?? Math.max(1, Math.floor(cores / 4)),
    workRounds: calibrate(),
    ...sizes,
    idleConnections: Math.min(
      sizes.idleConnections,
      Math.max(0, fileLimit() - sizes.idleFirst - OTHER_FILES),
    ),
  };
}

/**
 * What a reader of the figures must know about this run.
 * @param {Plan} plan
 */
export function planNotes(plan) {
  const wanted = (plan.quick ? quick : full).idleConnections;
  const notes = [];
  if (plan.quick) notes.push('A quick run: short rounds, noisy figures. Judge by a full one.');
  if (plan.idleConnections < wanted)
    notes.push(`Open files are limited: ${plan.idleConnections} idle connections instead of ${wanted}.`);
  if (process.platform !== 'linux')
    notes.push('CPU and memory figures need Linux (/proc); they are left out here.');
  if (availableParallelism() < plan.workers + 2)
    notes.push('Servers and load share the cores here: rates say less than CPU per request.');
  return notes;
}
