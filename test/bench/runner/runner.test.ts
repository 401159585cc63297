import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { hasProc, mainThreadCpu, processTree, treeCpu } from '../measure/cpu.mjs';
import { treeMemory } from '../measure/memory.mjs';
import { work } from '../peers/app.mjs';
import { Histogram } from '../statistics.mjs';
import { rotated } from './bench.mjs';
import { mergeReports } from './generators.mjs';

test('each round begins with another peer, and all take part', () => {
  expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual([
    'abc',
    'bca',
    'cab',
    'abc',
  ]);
  expect(rotated([], 3)).toEqual([]);
});

test('reports of several generators add up; time and load are those of the longest and busiest', () => {
  const report = (
    requests: number,
    busy: number,
    milliseconds: number,
  ): Parameters<typeof mergeReports>[0][number] => {
    const latencies = new Histogram();
    latencies.record(milliseconds);
    const counts = { requests, wrong: 0, failed: 1, late: 2, streamed: 3 };
    return { seconds: busy * 2, busy, latencies: latencies.toJSON(), ...counts };
  };
  const merged = mergeReports([report(10, 0.5, 1), report(20, 0.75, 100)]);
  expect(merged).toMatchObject({ requests: 30, failed: 2, late: 4, streamed: 6, seconds: 1.5, busy: 0.75 });
  expect(merged.latencies.total).toBe(2);
  expect(merged.latencies.percentile(1)).toBeGreaterThan(99);
});

test.runIf(hasProc)('a process tree is measured with its children', async () => {
  const child = fork(new URL('../peers/net.mjs', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  try {
    await once(child, 'message');
    expect(processTree(process.pid)).toContain(child.pid);
    expect(treeMemory(process.pid)).toBeGreaterThan(treeMemory(child.pid!));
    const [before, begin] = [treeCpu(process.pid), process.cpuUsage()];
    while (process.cpuUsage(begin).user < 100_000) work(100_000);
    expect(treeCpu(process.pid) - before).toBeGreaterThan(50_000);
    expect(mainThreadCpu(child.pid!)).toBeGreaterThan(0);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

test('a run measures its peers and leaves their figures behind', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'forkless-bench-'));
  try {
    const [json, svg] = [join(folder, 'figures.json'), join(folder, 'chart.svg')];
    const what = ['--quick', '--only', 'echo', '--peers', 'cluster,relay', '--json', json, '--svg', svg];
    const program = new URL('../run.mjs', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...what]);
    expect(stdout).toMatch(/^ {2}forkless relay +\d/m);
    const { results, errors } = JSON.parse(await readFile(json, 'utf8')) as {
      results: { peers: Record<string, Record<string, { median: number | null; values: number[] }>> }[];
      errors: string[];
    };
    expect(errors).toEqual([]);
    expect(Object.keys(results[0].peers)).toEqual(['cluster', 'relay']);
    expect(results[0].peers.relay.rate.median).toBeGreaterThan(0);
    expect(results[0].peers.relay.failed.values).toEqual([0, 0]);
    expect(await readFile(svg, 'utf8')).toContain('echo 32 B');
  } finally {
    await rm(folder, { recursive: true });
  }
});
