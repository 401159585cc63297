import { readFileSync } from 'node:fs';
import { hasProc, processTree } from './cpu.mjs';

/** @param {number} pid */
function pss(pid) {
  const line = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  if (!line) throw new Error(`/proc/${pid}/smaps_rollup has no Pss`);
  return Number(line[1]) * 1_024;
}

/**
 * Memory of a process and its descendants, bytes: pages that several processes share count once among them.
 * @param {number} root
 */
export function treeMemory(root) {
  if (!hasProc) return NaN;
  return processTree(root).reduce((sum, pid) => sum + pss(pid), 0);
}
