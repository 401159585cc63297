import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { testPrefork, type TestPrefork } from 'forkless/testing';
import { afterEach, expect, it } from 'vitest';
import { SystemClock } from '../../../src/main/master/system-clock.ts';
import { ownSurroundings } from '../../../src/main/prefork/surroundings.ts';
import { handlers } from '../../e2e/peers.ts';

const storage = new AsyncLocalStorage<string>();

let server: TestPrefork | undefined;

afterEach(async () => {
  await server?.end();
  server = undefined;
});

it('timers and turns of the main thread run in no context of the user’s', async () => {
  const { atTurnEnd } = ownSurroundings();
  const clock = new SystemClock();
  const found = await storage.run('mine', () =>
    Promise.all([
      new Promise((resolve) => {
        atTurnEnd(() => {
          resolve(storage.getStore());
        });
      }),
      new Promise((resolve) => {
        clock.callAt(clock.now(), () => {
          resolve(storage.getStore());
        });
      }),
    ]),
  );
  expect(found).toEqual([undefined, undefined]);
});

it('a client in memory has its events in the context that it was connected in', async () => {
  const prefork = (server = testPrefork({ worker: handlers('raw-echo'), startWorkers: 1 }));
  await prefork.start();
  const clients = ['a', 'b', 'c'].map((name) =>
    storage.run(name, () => {
      const client = prefork.connect();
      const found: unknown[] = [];
      client.on('data', () => found.push(storage.getStore()));
      client.on('end', () => found.push(storage.getStore()));
      client.end(name);
      return { name, client, found };
    }),
  );
  await Promise.all(clients.map(({ client }) => once(client, 'close')));
  for (const { name, found } of clients) expect(found).toEqual([name, name]);
});
