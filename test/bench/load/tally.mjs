import { performance } from 'node:perf_hooks';
import { Histogram } from '../statistics.mjs';

/**
 * What a generator process reports of one phase.
 * @typedef {object} LoadReport
 * @property {number} seconds
 * @property {number} requests answered, and answered right
 * @property {number} wrong replies that were not what they had to be
 * @property {number} failed requests whose connection ended or was refused first
 * @property {number} late requests that were not answered in time
 * @property {number} streamed bytes beside the requests
 * @property {number[]} latencies a `Histogram`
 * @property {number} busy share of the time in which the generator was not waiting for something to do
 */

/** Counts for one phase; what happened before `reset` is not part of it. */
export class Tally {
  requests = 0;
  wrong = 0;
  failed = 0;
  late = 0;
  streamed = 0;
  latencies = new Histogram();
  #since = performance.now();
  #utilization = performance.eventLoopUtilization();
  #cpu = process.cpuUsage();

  /** @param {number} sentAt */
  answered(sentAt) {
    this.requests += 1;
    this.latencies.record(performance.now() - sentAt);
  }

  reset() {
    this.requests = this.wrong = this.failed = this.late = 0;
    this.latencies.clear();
    this.#since = performance.now();
    this.#utilization = performance.eventLoopUtilization();
    this.#cpu = process.cpuUsage();
  }

  /** @returns {LoadReport} */
  report() {
    const milliseconds = performance.now() - this.#since;
    const { user, system } = process.cpuUsage(this.#cpu);
    // The loop also counts as utilised while its thread waits for a core; CPU time alone would hide that it was late.
    const loop = performance.eventLoopUtilization(this.#utilization).utilization;
    return {
      seconds: milliseconds / 1_000,
      requests: this.requests,
      wrong: this.wrong,
      failed: this.failed,
      late: this.late,
      streamed: this.streamed,
      latencies: this.latencies.toJSON(),
      busy: Math.max(loop, (user + system) / 1_000 / milliseconds),
    };
  }
}
