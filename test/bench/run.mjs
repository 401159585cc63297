// npm run bench: see README.md in this folder for the method.
import { HELP, parseOptions } from './options.mjs';
import { peers } from './peers/index.mjs';
import { goalsTable, judge } from './report/goals.mjs';
import { origin, writeFile, writeJson } from './report/json.mjs';
import { chart } from './report/svg.mjs';
import { resultTable } from './report/table.mjs';
import { Bench } from './runner/bench.mjs';
import { killAll } from './runner/child.mjs';
import { makePlan, planNotes } from './runner/plan.mjs';
import { workloads } from './workloads/index.mjs';

const titles = Object.fromEntries(peers.map(({ name, title }) => [name, title]));
const names = (/** @type {readonly { name: string }[]} */ all) => all.map(({ name }) => name);

/** @param {readonly string[]} lines */
const print = (lines) => console.log(`${lines.join('\n')}\n`);

/** Children have process groups of their own: Ctrl-C does not reach them. */
function endChildrenWithMe() {
  process.on('exit', killAll);
  for (const [signal, code] of /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])) {
    process.once(signal, () => process.exit(code));
  }
}

/** @param {import('./options.mjs').Options} options */
async function run(options) {
  endChildrenWithMe();
  const plan = makePlan(options);
  const from = origin(plan);
  const heading = `forkless ${from.forkless}, Node ${from.node}, ${from.cores} × ${from.cpu}, ${plan.workers} workers each`;
  const begin = performance.now();
  print([heading, ...planNotes(plan)]);
  const bench = new Bench(
    plan,
    peers.filter(({ name }) => options.peers.includes(name)),
  );
  const results = [];
  for (const workload of workloads.filter(({ name }) => options.workloads.includes(name))) {
    const result = await bench.run(workload);
    results.push(result);
    print(resultTable(result, titles));
  }
  await bench.stop();
  const judgements = judge(results);
  print(goalsTable(judgements));
  const left = [...bench.unsupported].map(([peer, reason]) => `${titles[peer]} was left out: ${reason}`);
  print([
    'Medians of all rounds; ± is half the way from the lowest to the highest round. "load %" is how busy the busiest',
    'generator was; a "!" marks one that may have held the servers back. "loop" is the delay of the main loop.',
    ...left,
    ...bench.errors.map((error) => `FAILED: ${error}`),
    `Took ${Math.round((performance.now() - begin) / 1_000)} s.`,
  ]);
  const json = options.json ?? new URL(`results/${from.date.replace(/[:.]/g, '-')}.json`, import.meta.url);
  writeJson(json, { ...from, results, goals: judgements, unsupported: left, errors: bench.errors });
  if (options.svg) writeFile(options.svg, chart(results, titles, heading));
  if (bench.errors.length > 0) process.exitCode = 1;
}

try {
  const options = parseOptions(process.argv.slice(2), { workloads: names(workloads), peers: names(peers) });
  if (options.help)
    print([HELP, `Workloads: ${names(workloads).join(', ')}`, `Peers: ${names(peers).join(', ')}`]);
  else await run(options);
} catch (error) {
  // Without its stack where it is the user's own mistake.
  const known = error instanceof RangeError || (error instanceof TypeError && 'code' in error);
  console.error(known ? /** @type {Error} */ (error).message : error);
  process.exitCode = 1;
}
