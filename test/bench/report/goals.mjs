import { align, formatNumber, ratio } from './table.mjs';

/**
 * @typedef {import('./table.mjs').Result} Result
 * @typedef {(name: string) => Result | undefined} Find a result by the name of its workload
 *
 * @typedef {object} Goal
 * @property {string} figure
 * @property {string} against
 * @property {'≤' | '≥' | '<'} sign
 * @property {number} bound
 * @property {string} [unit]
 * @property {(find: Find) => number} value NaN where it was not measured
 *
 * @typedef {{ figure: string, against: string, goal: string, value: number, reached: boolean | undefined }} Judgement
 */

/**
 * @param {string} workload
 * @param {string} figure
 * @param {string} peer
 * @param {string} [against]
 * @returns {Goal['value']}
 */
const over = (workload, figure, peer, against) => (find) => ratio(find(workload), peer, figure, against);

/**
 * @param {string} workload
 * @param {string} figure
 * @param {string} [peer]
 * @returns {Goal['value']}
 */
const plain =
  (workload, figure, peer = 'relay') =>
  (find) =>
    find(workload)?.peers[peer]?.[figure]?.median ?? NaN;

/** Main-thread CPU of the relay over all that the single thread does for one request. @type {Goal['value']} */
const mainShare = (find) => plain('echo', 'main')(find) / plain('echo', 'cpu', 'net')(find);

/** Beyond what the hung worker had claimed. @type {Goal['value']} */
const lost = (find) =>
  Math.max(0, plain('hang', 'failed')(find) + plain('hang', 'late')(find) - plain('hang', 'held')(find));

const [cluster, net] = ['cluster', 'one thread'];

/** @type {readonly Goal[]} */
export const goals = [
  {
    figure: 'echo, CPU per request, relay',
    against: cluster,
    sign: '≤',
    bound: 1,
    value: over('echo', 'cpu', 'relay'),
  },
  { figure: 'echo, main-thread CPU, relay', against: net, sign: '≤', bound: 0.75, value: mainShare },
  {
    figure: 'pipelined, CPU per request, relay',
    against: cluster,
    sign: '≤',
    bound: 1.1,
    value: over('pipelined', 'cpu', 'relay'),
  },
  {
    figure: '16 KiB, CPU per request, relay',
    against: cluster,
    sign: '≤',
    bound: 1.1,
    value: over('large', 'cpu', 'relay'),
  },
  {
    figure: 'bulk in, relay',
    against: net,
    sign: '≥',
    bound: 0.9,
    value: over('bulk-in', 'rate', 'relay', 'net'),
  },
  {
    figure: 'bulk out, relay',
    against: net,
    sign: '≥',
    bound: 0.9,
    value: over('bulk-out', 'rate', 'relay', 'net'),
  },
  {
    figure: '0.5 ms handler, rate, relay',
    against: cluster,
    sign: '≥',
    bound: 0.97,
    value: over('handler', 'rate', 'relay'),
  },
  {
    figure: 'HTTP, 2 ms handler on 4 workers, rate, relay',
    against: cluster,
    sign: '≥',
    bound: 0.97,
    value: over('http', 'rate', 'relay'),
  },
  {
    figure: 'mixed, p99 of the others, relay',
    against: cluster,
    sign: '≤',
    bound: 0.5,
    value: over('mixed', 'p99', 'relay'),
  },
  {
    figure: 'churn, rate, relay',
    against: cluster,
    sign: '≥',
    bound: 0.9,
    value: over('churn', 'rate', 'relay'),
  },
  {
    figure: 'churn, rate, transfer',
    against: cluster,
    sign: '≥',
    bound: 1,
    value: over('churn', 'rate', 'transfer'),
  },
  {
    figure: 'echo, rate, transfer',
    against: cluster,
    sign: '≥',
    bound: 1,
    value: over('echo', 'rate', 'transfer'),
  },
  {
    figure: 'echo, CPU per request, transfer',
    against: cluster,
    sign: '≤',
    bound: 1,
    value: over('echo', 'cpu', 'transfer'),
  },
  {
    figure: 'memory of one more worker',
    against: cluster,
    sign: '≤',
    bound: 0.9,
    value: over('births', 'workerMemory', 'relay'),
  },
  {
    figure: 'birth of a worker',
    against: cluster,
    sign: '≤',
    bound: 0.6,
    value: over('births', 'birth', 'relay'),
  },
  {
    figure: 'memory of an idle connection, relay',
    against: net,
    sign: '≤',
    bound: 1.5,
    value: over('idle', 'idleMemory', 'relay', 'net'),
  },
  {
    figure: 'process start to first reply',
    against: cluster,
    sign: '≤',
    bound: 0.8,
    value: over('start', 'firstReply', 'relay'),
  },
  { figure: 'hang, unclaimed requests lost', against: '', sign: '≤', bound: 0, value: lost },
  {
    figure: 'installed size',
    against: '',
    sign: '≤',
    bound: 2,
    unit: 'MB',
    value: plain('size', 'installed'),
  },
  {
    figure: '20 idle workers, of a core',
    against: '',
    sign: '<',
    bound: 0.2,
    unit: '%',
    value: plain('idle-pool', 'core'),
  },
  {
    figure: 'main loop delay p99, saturated',
    against: '',
    sign: '≤',
    bound: 10,
    unit: 'ms',
    value: plain('stream', 'delay'),
  },
];

/**
 * @param {number} value
 * @param {Goal} goal
 */
function reaches(value, { sign, bound }) {
  if (Number.isNaN(value)) return undefined;
  if (sign === '≤') return value <= bound;
  return sign === '<' ? value < bound : value >= bound;
}

/**
 * @param {readonly Result[]} results
 * @returns {Judgement[]}
 */
export function judge(results) {
  const find = (/** @type {string} */ name) => results.find((result) => result.name === name);
  return goals.map((goal) => {
    const value = goal.value(find);
    const { figure, against, sign, bound, unit = '' } = goal;
    return { figure, against, goal: `${sign} ${bound} ${unit}`.trim(), value, reached: reaches(value, goal) };
  });
}

/**
 * @param {readonly Judgement[]} judgements
 * @returns {string[]}
 */
export function goalsTable(judgements) {
  const verdict = (/** @type {boolean | undefined} */ reached) =>
    reached === undefined ? 'not measured' : reached ? 'reached' : 'MISSED';
  const rows = judgements.map(({ figure, against, goal, value, reached }) => [
    figure,
    against,
    goal,
    formatNumber(value, 2),
    verdict(reached),
  ]);
  return ['Goals', ...align([['', 'against', 'goal', 'figure', ''], ...rows]).map((line) => `  ${line}`)];
}
