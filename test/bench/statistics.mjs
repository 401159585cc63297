/**
 * The middle one, or the mean of the two in the middle; NaN of nothing. What could not be measured (NaN) is left out.
 * @param {readonly number[]} values
 */
export function median(values) {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @typedef {{ median: number, min: number, max: number, values: readonly number[] }} Summary */

/**
 * @param {readonly number[]} values
 * @returns {Summary}
 */
export function summarise(values) {
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return { median: NaN, min: NaN, max: NaN, values };
  return { median: median(known), min: Math.min(...known), max: Math.max(...known), values };
}

/**
 * Half the distance from the lowest to the highest round, as a share of the median: "±" of a figure.
 * @param {Summary} summary
 */
export const spread = ({ median, min, max }) => (median === 0 ? 0 : (max - min) / 2 / Math.abs(median));

/**
 * One summary per figure that occurs in any of the rounds.
 * @param {readonly Readonly<Record<string, number>>[]} rounds
 * @returns {Record<string, Summary>}
 */
export function summariseRounds(rounds) {
  const names = new Set(rounds.flatMap((round) => Object.keys(round)));
  return Object.fromEntries(
    [...names].map((name) => [name, summarise(rounds.map((round) => round[name] ?? NaN))]),
  );
}

const GROWTH = Math.log(1.02);
const BUCKETS = 1_024;

/** Latencies in buckets that grow by 2 %, from 1 µs to ten minutes: recording costs no memory, and histograms add up. */
export class Histogram {
  /** @param {readonly number[]} [counts] */
  constructor(counts = []) {
    this.counts = new Uint32Array(BUCKETS);
    this.counts.set(counts);
  }

  /** @param {number} milliseconds */
  record(milliseconds) {
    const bucket = Math.ceil(Math.log(Math.max(milliseconds * 1_000, 1)) / GROWTH);
    this.counts[Math.min(bucket, BUCKETS - 1)] += 1;
  }

  clear() {
    this.counts.fill(0);
  }

  /** @param {Histogram} other */
  add(other) {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) this.counts[bucket] += other.counts[bucket];
  }

  get total() {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Milliseconds that the given share of all latencies does not exceed, to 2 %; NaN of nothing.
   * @param {number} share
   */
  percentile(share) {
    let left = Math.ceil(this.total * share);
    if (left === 0) return NaN;
    const bucket = this.counts.findIndex((count) => (left -= count) <= 0);
    return Math.exp(bucket * GROWTH) / 1_000;
  }

  /** For a message to another process. */
  toJSON() {
    return [...this.counts];
  }
}
