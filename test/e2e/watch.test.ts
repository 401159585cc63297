import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HostName } from 'forkless';
import { handlers } from './peers.ts';

const SERVING = new URL('../../dist/worker.js', import.meta.url).href;
// Node itself tells of what a thread imports only from then on.
const reportsImports = Number(process.versions.node.split('.')[0]) >= 24;

let folder: string;
let child: ChildProcess;
let lines: string[];

const path = (name: string): string => join(folder, name);
const ups = (): number => lines.filter((line) => line.startsWith('up')).length;
const up = (nth: number): Promise<void> =>
  vi.waitFor(
    () => {
      expect(ups(), lines.join('\n')).toBeGreaterThanOrEqual(nth);
    },
    { timeout: 40_000 },
  );

function watch(threadHost: HostName): void {
  const env = { ...process.env, HOST: threadHost, WORKER: pathToFileURL(path('worker.mjs')).href };
  child = spawn(process.execPath, ['--watch', fileURLToPath(handlers('watched-program'))], { env });
  lines = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n')));
}

/** Changes a file until the program has started once more: a watcher takes a moment to look at one that is new to it. */
async function edit(name: string, starts: number): Promise<void> {
  await vi.waitFor(
    async () => {
      appendFileSync(path(name), '// edited\n');
      await vi.waitFor(() => {
        expect(ups()).toBeGreaterThanOrEqual(starts);
      }, 2_500);
    },
    { timeout: 40_000, interval: 1 },
  );
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forkless-watch-'));
  writeFileSync(path('greeting.mjs'), `export const greeting = 'hello to you';\n`);
  writeFileSync(
    path('worker.mjs'),
    `import { parentPort } from 'node:worker_threads';
    import { serve } from '${SERVING}';
    import { greeting } from './greeting.mjs';
    serve({
      workerStarted: () => parentPort.postMessage({ 'watch:import': 'mine' }),
      clientInput: ({ client }) => void client.put(greeting),
    });\n`,
  );
});

afterEach(async () => {
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
  rmSync(folder, { recursive: true });
});

describe.each<HostName>(['worker', 'piscina', 'tinypool'])('a program under node --watch, on %s', (host) => {
  it('serves, and hears what its workers post and nothing else', async () => {
    watch(host);
    await up(1);
    expect(lines.filter((line) => /posted|rror/.test(line))).toEqual(['posted {"watch:import":"mine"}']);
    expect(lines.filter((line) => line.startsWith('up'))).toEqual(['up hello to you']);
  });

  it('is started anew when the module of its workers changes', async () => {
    watch(host);
    await up(1);
    await edit('worker.mjs', 2);
  });

  it.runIf(reportsImports)('and when what that imports changes', async () => {
    watch(host);
    await up(1);
    await edit('greeting.mjs', 2);
  });
});
