import { afterEach, describe, expect, it } from 'vitest';
import { type PreforkOptions } from 'forkless';
import { HOSTS_AND_TRANSPORTS } from '../transports.ts';
import { getOf } from './keep-alive.ts';
import { event } from './peers.ts';
import { LONG, RestRig } from './rest-rig.ts';

const HOSTS = HOSTS_AND_TRANSPORTS.filter(({ transport }) => transport === 'relay');

const rig = new RestRig();

afterEach(() => rig.end());

/** What makes the worker of a client leave or end, and how its own requests fare. */
interface Way {
  readonly options?: PreforkOptions;
  /** The client asks for that, and is cut off in the middle of it. */
  readonly path?: string;
  readonly does?: (worker: number) => unknown;
}

const WAYS: Readonly<Record<string, Way>> = {
  'it throws': { path: '/crash' },
  'it calls process.exit()': { path: '/exit' },
  'it hangs': { path: '/hang', options: { workerExpireTime: 400, graceTime: 500, killTimeout: 500 } },
  'it is asked to leave': {
    does: (worker) => {
      rig.server.retire(worker);
    },
  },
  'all are renewed': {
    does: () => rig.server.reload(),
  },
  'it is a surplus one': {
    does: () => {
      rig.server.configure({ minWorkers: 1, maxWorkers: 1, minSpareWorkers: 0, maxSpareWorkers: 1 });
    },
  },
};

describe.each(HOSTS)(
  'promise 13: a connection at rest is never closed because a worker leaves, crashes, hangs or is killed, on $threadHost',
  ({ threadHost }) => {
    it.each(Object.entries(WAYS))('when %s', async (_name, { options, path, does }) => {
      await rig.serve({}, { threadHost, ...options });
      const all = await rig.resting(8);
      const ended = rig.exit();
      const [first] = all.keys();
      const victim = all.get(first!)!;
      if (path !== undefined) {
        all.delete(first!);
        const reason = rig.reason();
        first!.send(getOf(path));
        expect(await reason).toBe('worker-lost');
        await first!.closed;
      }
      const done = does?.(victim);
      const { worker } = await ended;
      if (path !== undefined) expect(worker).toBe(victim);
      for (const [one, before] of all) {
        expect(one.open).toBe(true);
        const { status, body, worker: by, head } = await one.get();
        expect([status, body]).toEqual([200, 'hello']);
        expect(head).not.toMatch(/connection: close/i);
        if (before === worker) expect(by).not.toBe(before);
      }
      expect(rig.server.status().connections).toMatchObject({ accepted: 8, served: 8, open: all.size });
      await done;
    });

    it.each([
      ['have served enough', { maxServed: 2, servedJitter: 0 }],
      ['are old enough', { maxLifetime: 300 }],
    ])('when workers %s', async (_name, options) => {
      await rig.serve({}, { threadHost, ...options });
      const all = await rig.resting(6);
      let ends = 0;
      rig.server.on('workerExited', () => (ends += 1));
      while (ends < 3) for (const one of all.keys()) expect((await one.get()).body).toBe('hello');
      expect(rig.server.status().connections).toMatchObject({ accepted: 6, served: 6, open: 6 });
      expect(Object.keys(rig.server.status().exits)).toEqual(['left']);
    });

    it('over five reloads under load: no request fails, and no worker waits for a client', async () => {
      await rig.serve({}, { threadHost });
      const all = [...(await rig.resting(16)).keys()];
      const failures: unknown[] = [];
      let answered = 0;
      let stopped = false;
      const load = all.map(async (one) => {
        while (!stopped) {
          const { body, head } = await one.get();
          if (body !== 'hello' || /connection: close/i.test(head)) failures.push(head + body);
          answered += 1;
        }
      });
      for (const each of load) each.catch((error: unknown) => failures.push(error));
      for (let round = 0; round < 5; round += 1) {
        const leaving = rig.server.status().workers.map(({ id }) => rig.exit(id));
        const before = answered;
        await rig.server.reload();
        await Promise.all(leaving);
        while (answered < before + 100 && failures.length === 0) await new Promise(setImmediate);
      }
      stopped = true;
      await Promise.allSettled(load);
      expect(failures).toEqual([]);
      expect(rig.server.status().connections).toMatchObject({ accepted: 16, served: 16, open: 16 });
    });
  },
);

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
};

describe('a request that comes at the very moment', () => {
  it.each(['leaves', 'ends'])('at which its worker %s is answered, once', async (how) => {
    const options = { startWorkers: 3, minWorkers: 3, maxWorkers: 6, maxSpareWorkers: 6, minUptime: 1 };
    await rig.serve({}, options);
    for (let round = 0; round < 15; round += 1) {
      const all = await rig.resting(9);
      const [victim] = all.values();
      const mine = [...all.keys()].filter((one) => all.get(one) === victim);
      const killer = mine.pop();
      const ended = rig.exit(victim);
      const going = turns((round * 7) % 20).then(() => {
        if (how === 'ends') killer?.send(getOf('/exit'));
        else rig.server.retire(victim!);
      });
      const asked = mine.map(async (one, at) => {
        await turns((round * 3 + at * 5) % 20);
        return one.get();
      });
      for (const { status, body } of await Promise.all(asked)) expect([status, body]).toEqual([200, 'hello']);
      await going;
      await ended;
      expect(mine.map((one) => one.rest)).toEqual(mine.map(() => ''));
      for (const one of all.keys()) one.socket.destroy();
    }
  });
});

describe('a connection that no worker has', () => {
  it('is closed after the rest of keepAliveTimeout', async () => {
    await rig.serve({ keepAliveTimeout: 400 });
    const one = rig.client();
    const { worker } = await one.get();
    const since = performance.now();
    const reason = rig.reason();
    await rig.leave(worker);
    expect(one.open).toBe(true);
    await one.closed;
    // Some versions of Node add a second.
    expect(performance.now() - since).toBeGreaterThanOrEqual(390);
    expect(performance.now() - since).toBeLessThan(5_000);
    expect(await reason).toBe('ended');
  });

  it('is closed by idleTimeout', async () => {
    await rig.serve({}, { idleTimeout: 500, firstByteTimeout: 60_000 });
    const one = rig.client();
    const reason = rig.reason();
    await rig.leave((await one.get()).worker);
    await one.closed;
    expect(await reason).toBe('idle-timeout');
  });

  it('outlives firstByteTimeout, since it has spoken', async () => {
    await rig.serve({}, { firstByteTimeout: 300 });
    const one = rig.client();
    await rig.leave((await one.get()).worker);
    // One that says nothing is closed by it meanwhile.
    const silent = rig.client();
    await silent.closed;
    expect((await one.get()).body).toBe('hello');
  });

  it('counts for maxConnections', async () => {
    await rig.serve({}, { maxConnections: 1 });
    const one = rig.client();
    await rig.leave((await one.get()).worker);
    const drop = event(rig.server, 'drop');
    const late = rig.client();
    expect(await drop).toMatchObject({ reason: 'max-connections' });
    await late.closed;
    expect((await one.get()).body).toBe('hello');
  });

  it('that speaks waits for a worker no longer than waitTimeout', async () => {
    await rig.serve(
      {},
      { startWorkers: 1, minWorkers: 1, maxWorkers: 1, maxSessionsPerWorker: 1, waitTimeout: 300 },
    );
    const one = rig.client();
    await rig.leave((await one.get()).worker);
    const other = rig.client();
    expect((await other.get()).body).toBe('hello');
    const reason = rig.reason();
    one.send(getOf('/'));
    await one.closed;
    expect([await reason, one.rest]).toEqual(['no-worker', '']);
    expect(rig.server.status().connections.drops).toEqual({});
    expect((await other.get()).body).toBe('hello');
  });

  it('is served while the prefork accepts nobody', async () => {
    await rig.serve();
    const one = rig.client();
    await rig.leave((await one.get()).worker);
    rig.server.pause();
    expect((await one.get()).body).toBe('hello');
    rig.server.resume();
  });

  it('is not waited for by drain()', async () => {
    await rig.serve();
    const all = await rig.resting(4);
    const before = rig.server.status().workers.map(({ id }) => rig.exit(id));
    await rig.server.reload();
    await Promise.all(before);
    expect(rig.server.status().connections).toMatchObject({ open: 4, hibernating: 4 });
    expect(await rig.server.drain({ deadline: LONG })).toEqual({ drained: true, open: 0, waiting: 0 });
    rig.server.resume();
    for (const one of all.keys()) expect((await one.get()).body).toBe('hello');
  });

  it('is closed at once by close()', async () => {
    await rig.serve();
    const all = await rig.resting(4);
    const before = rig.server.status().workers.map(({ id }) => rig.exit(id));
    await rig.server.reload();
    await Promise.all(before);
    await rig.server.close({ grace: LONG });
    for (const one of all.keys()) await one.closed;
    expect([...all.keys()].map(({ error, rest }) => [error, rest])).toEqual(
      Array.from({ length: 4 }, () => [undefined, '']),
    );
    expect(rig.server.status().connections).toMatchObject({ open: 0, closes: { ended: 4 } });
  });
});
