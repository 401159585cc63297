import { mainThreadCpu, treeCpu } from '../measure/cpu.mjs';

/**
 * @typedef {Record<string, number>} Figures
 *
 * What one round of a workload gets.
 * @typedef {object} Context
 * @property {import('../runner/plan.mjs').Plan} plan
 * @property {import('../peers/index.mjs').Peer} peer
 * @property {import('../runner/generators.mjs').Generators} generators
 * @property {(settings?: Partial<import('../peers/control.mjs').Settings>) => Promise<import('../runner/server.mjs').Server>} start
 *   a server of this peer, which ends with the round at the latest
 * @property {import('../runner/server.mjs').Server | undefined} server the one that serves all rounds, if `shared`
 *
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} title
 * @property {readonly string[]} columns keys of figures to show
 * @property {string} unit of `rate`
 * @property {string} [per] what CPU time is counted per
 * @property {boolean} shared whether one server per peer serves all rounds
 * @property {(peer: import('../peers/index.mjs').Peer) => boolean} runs
 * @property {(plan: import('../runner/plan.mjs').Plan, peer: import('../peers/index.mjs').Peer) => Partial<import('../peers/control.mjs').Settings>} [settings]
 * @property {(plan: import('../runner/plan.mjs').Plan) => number} rounds
 * @property {(context: Context) => Promise<Figures>} [preheat]
 * @property {(context: Context) => Promise<Figures>} round
 */

export const LOAD_COLUMNS = ['rate', 'p50', 'p99', 'cpu', 'main', 'delay', 'load', 'failed'];

/**
 * One phase of load with all its figures.
 * @param {import('../runner/server.mjs').Server} server
 * @param {import('../runner/generators.mjs').Generators} generators
 * @param {Omit<import('../load/kinds.mjs').LoadSpec, 'port'>} spec
 * @returns {Promise<Figures>}
 */
export async function measureLoad(server, generators, spec) {
  const read = () => ({ tree: treeCpu(server.pid), main: mainThreadCpu(server.pid) });
  let [before, after, delays] = [read(), read(), { p99: NaN, max: NaN }];
  await server.ask('watch');
  const report = await generators.run(
    { ...spec, port: server.port },
    {
      began: () => {
        before = read();
      },
      ended: async () => {
        after = read();
        delays = await server.ask('delay');
      },
    },
  );
  return {
    rate: report.requests / report.seconds,
    p50: report.latencies.percentile(0.5),
    p99: report.latencies.percentile(0.99),
    cpu: (after.tree - before.tree) / report.requests,
    main: (after.main - before.main) / report.requests,
    delay: delays.p99,
    delayMax: delays.max,
    load: report.busy * 100,
    failed: report.failed,
    late: report.late,
    streamed: report.streamed / 2 ** 20,
    requests: report.requests,
    slowest: report.latencies.percentile(1),
  };
}

/**
 * A workload that is nothing but one kind of load on servers that stay.
 * @param {Pick<Workload, 'name' | 'title'> & Partial<Workload> & { slowToWarm?: number }} what
 * @param {Omit<import('../load/kinds.mjs').LoadSpec, 'port' | 'duration' | 'warmUp'>} load
 * @returns {Workload}
 */
export function loadWorkload({ slowToWarm = 1, ...rest }, load) {
  const phase = (
    /** @type {Context} */ { server, generators },
    /** @type {number} */ duration,
    warmUp = 0,
  ) => {
    if (!server) throw new Error('a load needs a server that stays');
    return measureLoad(server, generators, { ...load, duration, warmUp });
  };
  return {
    columns: LOAD_COLUMNS,
    unit: 'req/s',
    per: 'request',
    shared: true,
    runs: () => true,
    rounds: (plan) => plan.rounds,
    preheat: async (context) => {
      const { preheats, preheat } = context.plan;
      // Rounds, so that the code for connections that come and go is compiled before the first one that counts.
      for (let left = preheats * slowToWarm; left > 1; left -= 1) await phase(context, preheat);
      return phase(context, preheat);
    },
    round: (context) => phase(context, context.plan.roundTime, context.plan.warmUp),
    ...rest,
  };
}
