import { summariseRounds } from '../statistics.mjs';
import { Generators } from './generators.mjs';
import { Server, Unsupported } from './server.mjs';

/**
 * @typedef {import('../peers/index.mjs').Peer} Peer
 * @typedef {import('../workloads/load.mjs').Workload} Workload
 * @typedef {import('../workloads/load.mjs').Context} Context
 * @typedef {import('../report/table.mjs').Result} Result
 */

/** Runs workloads on peers, round by round in turn, so that a slow minute of the machine meets all of them. */
export class Bench {
  /** Peers that cannot run here, with the reason. @type {Map<string, string>} */
  unsupported = new Map();
  /** What went wrong, told once each. @type {string[]} */
  errors = [];

  /**
   * @param {import('./plan.mjs').Plan} plan
   * @param {readonly Peer[]} peers
   */
  constructor(plan, peers) {
    this.plan = plan;
    this.peers = peers;
    this.generators = new Generators(plan.generators);
  }

  /**
   * @param {Workload} workload
   * @returns {Promise<Result>}
   */
  async run(workload) {
    const able = this.peers.filter((peer) => workload.runs(peer) && !this.unsupported.has(peer.name));
    const stands = able.map((peer) => new Stand(this, workload, peer));
    try {
      await Promise.all(stands.map((stand) => this.#attempt(stand, () => stand.open())));
      for (const stand of stands) await this.#attempt(stand, () => stand.preheat());
      for (let round = 0; round < workload.rounds(this.plan); round += 1) {
        // Nobody always comes first, or always after the same one.
        for (const stand of rotated(stands, round)) await this.#attempt(stand, () => stand.round());
      }
    } finally {
      await Promise.all(stands.map((stand) => stand.close()));
    }
    const measured = stands.filter(({ figures }) => figures.length > 0);
    const { name, title, unit, per, columns } = workload;
    const peers = measured.map(({ peer, figures }) => [peer.name, summariseRounds(figures)]);
    return { name, title, unit, per, columns, peers: Object.fromEntries(peers) };
  }

  /**
   * One peer's failure is told, and takes that peer out of this workload alone.
   * @param {Stand} stand
   * @param {() => Promise<void>} step
   */
  async #attempt(stand, step) {
    if (stand.failed) return;
    try {
      await step();
    } catch (error) {
      stand.failed = true;
      const { message } = /** @type {Error} */ (error);
      if (error instanceof Unsupported) this.unsupported.set(stand.peer.name, message);
      else this.errors.push(`${stand.workload.name}, ${stand.peer.name}: ${message}`);
    }
  }

  stop() {
    return this.generators.stop();
  }
}

/** One peer in one workload. */
class Stand {
  failed = false;
  /** @type {Record<string, number>[]} */
  figures = [];
  /** @type {Server | undefined} */
  #server;

  /**
   * @param {Bench} bench
   * @param {Workload} workload
   * @param {Peer} peer
   */
  constructor(bench, workload, peer) {
    this.bench = bench;
    this.workload = workload;
    this.peer = peer;
  }

  /** @param {Partial<import('../peers/control.mjs').Settings>} [own] */
  #start(own) {
    const { plan } = this.bench;
    const settings = { workers: plan.workers, ...this.workload.settings?.(plan, this.peer), ...own };
    return Server.start(this.peer, settings, plan.workRounds);
  }

  /**
   * @param {(context: Context) => Promise<Record<string, number>>} step
   * @returns {Promise<Record<string, number>>}
   */
  async #with(step) {
    /** @type {Server[]} */
    const started = [];
    const { plan, generators } = this.bench;
    const start = async (/** @type {Partial<import('../peers/control.mjs').Settings>} */ own = {}) => {
      const server = await this.#start(own);
      started.push(server);
      return server;
    };
    try {
      return await step({ plan, generators, peer: this.peer, server: this.#server, start });
    } finally {
      await Promise.all(started.map((server) => server.stop()));
    }
  }

  async open() {
    if (!this.workload.shared) return;
    this.#server = await this.#start();
    await this.#server.ready;
  }

  /** A first round for the compiler, which does not count. */
  async preheat() {
    if (this.workload.preheat) await this.#with(this.workload.preheat);
  }

  async round() {
    this.figures.push(await this.#with(this.workload.round));
  }

  async close() {
    await this.#server?.stop();
  }
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {number} by
 */
export function rotated(items, by) {
  const first = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
