import { parseArgs } from 'node:util';

/** @typedef {ReturnType<typeof parseOptions>} Options */

export const HELP = `Usage: npm run bench -- [options]

Measures forkless beside single-thread net, node:cluster and a piscina call per request.

  --quick            under a minute, short rounds: to see that all works
  --only a,b         these workloads only
  --peers a,b        these peers only; ratios need cluster
  --workers n        workers of each peer; by default as many as cores, 2 to 4
  --generators n     processes that make the load; by default a quarter of the cores, at least 1
  --json path        where the figures go; by default test/bench/results/
  --svg path         also draw the chart
  --help             this text
`;

/**
 * @param {string} name
 * @param {string | undefined} given
 * @param {readonly string[]} known
 */
function names(name, given, known) {
  if (given === undefined) return [...known];
  const wanted = given.split(',').map((word) => word.trim());
  const strange = wanted.find((word) => !known.includes(word));
  if (strange !== undefined)
    throw new RangeError(`--${name}: one of ${known.join(', ')} expected, not "${strange}"`);
  return known.filter((word) => wanted.includes(word));
}

/**
 * @param {string} name
 * @param {string | undefined} given
 * @param {number} most
 */
function count(name, given, most) {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(`--${name}: an integer from 1 to ${most} expected, not "${given}"`);
}

/**
 * Throws an error with a message for the user.
 * @param {readonly string[]} args
 * @param {{ workloads: readonly string[], peers: readonly string[] }} known
 */
export function parseOptions(args, known) {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean', default: false });
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: flag,
      help: flag,
      only: text,
      peers: text,
      workers: text,
      generators: text,
      json: text,
      svg: text,
    },
  });
  return {
    quick: values.quick,
    help: values.help,
    workloads: names('only', values.only, known.workloads),
    peers: names('peers', values.peers, known.peers),
    workers: count('workers', values.workers, 64),
    generators: count('generators', values.generators, 16),
    json: values.json,
    svg: values.svg,
  };
}
