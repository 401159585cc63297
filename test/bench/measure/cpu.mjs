import { readFileSync, readdirSync } from 'node:fs';

// The kernel shows times in units of USER_HZ, which is 100 on every platform Node runs on.
const MICROS_PER_TICK = 10_000;

/** Whether CPU time and memory of other processes can be read here; elsewhere those figures are NaN. */
export const hasProc = process.platform === 'linux';

/**
 * The fields of a stat file after the command name, which may hold spaces and brackets itself.
 * @param {string} path
 */
function statFields(path) {
  const text = readFileSync(path, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** @param {string} path */
function ticks(path) {
  const fields = statFields(path);
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
}

/**
 * `undefined` where the process has ended between being listed and being read.
 * @template T
 * @param {() => T} read
 */
function ifAlive(read) {
  try {
    return read();
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/**
 * A process and all its descendants.
 * @param {number} root
 */
export function processTree(root) {
  if (!hasProc) return [root];
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), Number(ifAlive(() => statFields(`/proc/${name}/stat`)[1]))]);
  const tree = [root];
  for (const pid of tree)
    tree.push(...parents.filter(([, parent]) => parent === pid).map(([child]) => child));
  return tree;
}

/**
 * CPU time of one thread, µs; to the nanosecond where the kernel keeps scheduler statistics.
 * @param {number} pid
 * @param {number | string} thread
 */
function threadCpu(pid, thread) {
  const folder = `/proc/${pid}/task/${thread}`;
  const precise = ifAlive(() => Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) / 1_000);
  return precise ?? ifAlive(() => ticks(`${folder}/stat`)) ?? 0;
}

/**
 * CPU time of the main thread of a process, µs.
 * @param {number} pid
 */
export const mainThreadCpu = (pid) => (hasProc ? threadCpu(pid, pid) : NaN);

/**
 * CPU time of all threads of a process and its descendants that live now, µs. The times of whole processes would
 * include threads that have ended, but come in steps of 10 ms: too coarse for short rounds and for idle pools.
 * @param {number} root
 */
export function treeCpu(root) {
  if (!hasProc) return NaN;
  return processTree(root)
    .flatMap((pid) =>
      (ifAlive(() => readdirSync(`/proc/${pid}/task`)) ?? []).map((thread) => threadCpu(pid, thread)),
    )
    .reduce((sum, time) => sum + time, 0);
}
