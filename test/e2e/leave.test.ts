import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HostName, type Prefork, type PreforkEvents, type PreforkOptions } from 'forkless';
import { event, Peer, started } from './peers.ts';
import { ServedHost } from './served-host.ts';

type Exit = PreforkEvents['workerExited'][0];

let folder: string;
let server: Prefork | undefined;

const path = (name: string): string => join(folder, name);
const record = (): string[] => readFileSync(path('record'), 'utf8').split('\n').slice(0, -1);
const own = (): NodeJS.ProcessEnv => ({ ...process.env, RECORD: path('record'), LOG: path('log') });

/** How a worker ends that is asked to leave with this under way, and how long that took. */
async function leaving(work: string, options: PreforkOptions): Promise<Exit & { readonly time: number }> {
  const prefork = await started('leaves', { startWorkers: 1, maxWorkers: 1, env: own(), ...options });
  server = prefork.server;
  let asked = 0;
  server.once('workerRetiring', () => {
    asked = performance.now();
  });
  const exited = event(server, 'workerExited') as Promise<Exit>;
  prefork.peer().send(`${work}\n`);
  return { ...(await exited), time: performance.now() - asked };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forkless-leave-'));
  writeFileSync(path('record'), '');
});

afterEach(async () => {
  await server?.close({ grace: 0 });
  server = undefined;
  rmSync(folder, { recursive: true });
});

describe.each<HostName>(['worker', 'piscina', 'tinypool'])('a worker that leaves, on %s', (threadHost) => {
  it.each([
    'log file',
    'compressed log file',
    'one long compression',
    'one long hash',
    'lookup',
    'child',
    'connection of its own',
    'an interval and a log file',
    'a flush at the end',
    'a flush at the end, beside an interval',
  ])('finishes what it has under way: %s', async (work) => {
    const exit = await leaving(work, { threadHost, leaveTimeout: 20_000, graceTime: 60_000 });
    expect(exit).toMatchObject({ reason: 'left', code: 0, why: 'asked' });
    expect(record()).toContain('done');
    expect(record().filter((word) => word.startsWith('exit'))).toEqual(['exit 0']);
    if (work.includes('log file')) {
      const log = readFileSync(path('log'));
      const lines = String(work.startsWith('compressed') ? gunzipSync(log) : log).split('\n');
      expect([lines.length, lines.at(-2)?.slice(0, 5)]).toEqual([2_001, '1999 ']);
    }
  });

  it.each(['nothing', 'an interval', 'a server', 'a channel'])(
    'does not wait for what may last for ever: %s',
    async (work) => {
      const exit = await leaving(work, { threadHost, leaveTimeout: 20_000, graceTime: 60_000 });
      expect(exit).toMatchObject({ reason: 'left', code: 0 });
      expect(exit.time).toBeLessThan(20_000);
      expect(record()).toEqual(['done', 'before exit', 'exit 0']);
    },
  );

  it('waits no longer than leaveTimeout', async () => {
    const exit = await leaving('an idle connection', { threadHost, leaveTimeout: 300 });
    expect(exit).toMatchObject({ reason: 'left', code: 0 });
    expect(exit.time).toBeGreaterThan(290);
    expect(record()).toEqual(['done', 'exit 0']);
  });

  it('is killed after graceTime nevertheless', async () => {
    const exit = await leaving('an idle connection', { threadHost, leaveTimeout: 20_000, graceTime: 300 });
    expect(exit).toMatchObject({ reason: 'terminated', why: 'asked' });
  });

  it('has crashed if it crashes meanwhile', async () => {
    const exit = await leaving('a crash', { threadHost });
    expect(exit).toMatchObject({ reason: 'crashed', why: 'asked', error: { name: 'RangeError' } });
  });

  it('loses nothing that it prints', async () => {
    const host = new ServedHost('leaves', { threadHost, startWorkers: 1, maxWorkers: 1 }, own());
    try {
      await host.up();
      const printed = host.program.until(/\n1999 x{200}\n/);
      const last = host.program.until(/last words/);
      new Peer(host.port).send('output\n');
      await Promise.all([printed, last]);
      for (const line of [0, 1_000, 1_998])
        expect(host.program.said).toContain(`${line} ${'x'.repeat(200)}\n`);
    } finally {
      await host.program.end();
    }
  });
});
