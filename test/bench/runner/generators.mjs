import { Histogram } from '../statistics.mjs';
import { Child } from './child.mjs';

const MARGIN = 15_000;

/** @typedef {import('../load/tally.mjs').LoadReport} LoadReport */

/** @typedef {Omit<LoadReport, 'latencies'> & { latencies: Histogram }} Report */

/**
 * @param {readonly LoadReport[]} reports
 * @returns {Report}
 */
export function mergeReports(reports) {
  const sum = (/** @type {'requests' | 'wrong' | 'failed' | 'late' | 'streamed'} */ key) =>
    reports.reduce((total, report) => total + report[key], 0);
  const latencies = new Histogram();
  for (const report of reports) latencies.add(new Histogram(report.latencies));
  return {
    seconds: Math.max(...reports.map(({ seconds }) => seconds)),
    requests: sum('requests'),
    wrong: sum('wrong'),
    failed: sum('failed'),
    late: sum('late'),
    streamed: sum('streamed'),
    latencies,
    busy: Math.max(...reports.map(({ busy }) => busy)),
  };
}

/** The processes that make the load; they share the connections of a phase among them. */
export class Generators {
  /** @param {number} count */
  constructor(count) {
    this.count = count;
    this.children = this.#start();
  }

  #start() {
    const program = new URL('../load/generator.mjs', import.meta.url);
    return Array.from({ length: this.count }, () => new Child(program));
  }

  /**
   * One phase of load. `began` and `ended` are called as close to the counted time as messages allow.
   * @param {import('../load/kinds.mjs').LoadSpec} spec
   * @param {{ began?: () => void, ended?: () => void | Promise<void> }} meters
   * @returns {Promise<Report>}
   */
  async run(spec, meters = {}) {
    try {
      return await this.#phase(spec, meters);
    } catch (error) {
      // They may still be in the middle of that phase.
      await this.stop();
      this.children = this.#start();
      throw error;
    }
  }

  /**
   * @param {import('../load/kinds.mjs').LoadSpec} spec
   * @param {{ began?: () => void, ended?: () => void | Promise<void> }} meters
   */
  async #phase(spec, { began, ended }) {
    const connections = spec.connections ?? 1;
    const crew = connections >= 10 * this.children.length ? this.children : this.children.slice(0, 1);
    const within = MARGIN + (spec.warmUp ?? 0) + spec.duration + (spec.timeout ?? 0) + connections * 5;
    const hear = (/** @type {string} */ event) =>
      Promise.all(crew.map((child) => child.expect((message) => message.event === event, within)));
    const heard = { began: hear('began'), ended: hear('ended'), stopped: hear('stopped') };
    // If one of them is rejected, so are the others.
    for (const promise of Object.values(heard)) promise.catch(() => undefined);
    for (const child of crew) child.send({ ...spec, connections: Math.round(connections / crew.length) });
    await heard.began;
    began?.();
    const told = await heard.ended;
    await ended?.();
    for (const child of crew) child.send('proceed');
    await heard.stopped;
    return checked(mergeReports(told.map(({ report }) => report)));
  }

  async stop() {
    await Promise.all(this.children.map((child) => child.stop()));
  }
}

/** @param {Report} report */
function checked(report) {
  if (report.wrong > 0) throw new Error(`${report.wrong} replies were not what they had to be`);
  return report;
}
