import { afterEach, describe, expect, it } from 'vitest';
import { type Prefork, type PreforkOptions } from 'forkless';
import { event, type Peer, started } from './peers.ts';

let server: Prefork;

const start = async (options: PreforkOptions): Promise<() => Peer> => {
  const prefork = await started('posts', { startWorkers: 2, workerExpireTime: 30_000, ...options });
  server = prefork.server;
  return prefork.peer;
};

const counted = (): { heard: number; most: number } => {
  const count = { heard: 0, most: 0 };
  server.on('workerMessage', () => {
    count.heard += 1;
    count.most = Math.max(count.most, process.memoryUsage.rss());
  });
  return count;
};

const rss = (): number => process.memoryUsage.rss() / 1_048_576;

afterEach(async () => {
  await server.close({ grace: 0 });
});

describe.each(['piscina', 'tinypool', 'worker'] as const)(
  'a worker that floods its parentPort, on %s',
  (threadHost) => {
    it('is told FORKLESS_MESSAGES_OVERFLOW at maxWorkerMessages, and may post again afterwards', async () => {
      const open = await start({ threadHost, maxWorkerMessages: 500 });
      const count = counted();
      const peer = open().send('flood\n');
      const [, taken] = /took (\d+) FORKLESS_MESSAGES_OVERFLOW/.exec(await peer.until(/took .*\r\n/)) ?? [];
      expect(Number(taken)).toBeGreaterThanOrEqual(500);
      while (count.heard < Number(taken)) await event(server, 'workerMessage');
      const last = event(server, 'workerMessage', ({ message }) => message === 'after');
      await peer.send('after\n').until(/posted after/);
      await last;
      expect(count.heard).toBe(Number(taken) + 1);
      expect(server.status().exits).toEqual({});
      peer.socket.destroy();
    });
  },
);

describe('the flood of a worker that does not stop', () => {
  it('costs the main thread bounded memory, and others are served', async () => {
    const open = await start({});
    const count = counted();
    const before = rss();
    const [first, other] = [open(), open()];
    await first.send('a\n').until(/posted a/);
    await other.send('b\n').until(/posted b/);
    first.send('stubborn\n');
    let answers = 0;
    while (!first.text.includes('took')) {
      answers += 1;
      await other.send(`c${answers}\n`).until(new RegExp(`posted c${answers}\r`));
    }
    const [, taken] = /took (\d+)/.exec(first.text) ?? [];
    console.log(
      `${taken} messages of 1 kB in a second; ${answers} answers to another client; memory +${Math.round(count.most / 1_048_576 - before)} MiB`,
    );
    expect(Number(taken)).toBeGreaterThan(4_096);
    expect(answers).toBeGreaterThan(1);
    expect(count.most / 1_048_576 - before).toBeLessThan(150);
    first.socket.destroy();
    other.socket.destroy();
  });

  it('does not count what cannot be sent', async () => {
    const open = await start({ maxWorkerMessages: 1 });
    const peer = open();
    for (let n = 1; n <= 3; n += 1)
      await peer.send('odd\n').until(new RegExp(`(?:threw DataCloneError\r\n){${n}}`));
    await peer.send('well\n').until(/posted well/);
    peer.socket.destroy();
  });
});

it.each(['piscina', 'tinypool', 'worker'] as const)(
  'what a worker posts as its last act is heard before its exit is told, on %s',
  async (threadHost) => {
    const open = await start({ threadHost });
    const told: unknown[] = [];
    server.on('workerMessage', ({ message }) => told.push(message));
    server.on('workerExited', () => told.push('exited'));
    for (let n = 1; n <= 6; n += 1) {
      const exited = event(server, 'workerExited');
      const peer = open();
      peer.socket.on('error', () => undefined);
      peer.send('leave\n');
      await exited;
      await peer.closed;
    }
    expect(told).toEqual(Array.from({ length: 6 }, () => ['last', 'exited']).flat());
  },
);
