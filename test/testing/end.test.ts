import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ForklessError } from 'forkless';
import { testPrefork, type TestPrefork } from 'forkless/testing';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { Program } from '../e2e/program.ts';

const WORKER = new URL('../../dist/worker.js', import.meta.url).href;

const serving = (source: string): TestPrefork =>
  testPrefork({
    worker: new URL(
      `data:text/javascript,${encodeURIComponent(`import { serve } from '${WORKER}'; import { parentPort } from 'node:worker_threads'; ${source}`)}`,
    ),
    startWorkers: 2,
    maxWorkers: 2,
    patience: 1_000,
  });

function messagesOf(server: TestPrefork): unknown[] {
  const messages: unknown[] = [];
  server.on('workerMessage', ({ message }) => messages.push(message));
  return messages;
}

const ROOM = `const room = new BroadcastChannel('room');`;

describe('end()', () => {
  it('lets workers stop in order, with clients and a promise of theirs', async () => {
    const server = serving(`${ROOM} serve({
      clientInput() {},
      clientDisconnected: () => parentPort.postMessage('disconnected'),
      workerStopping: async ({ id }) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        room.close();
        parentPort.postMessage('stopped ' + id);
      } });`);
    const messages = messagesOf(server);
    await server.start();
    server.connect().on('error', () => undefined);
    await server.settled();
    await server.end();
    expect(messages.sort()).toEqual(['disconnected', 'stopped 1', 'stopped 2']);
    expect(server.status().exits).toEqual({ left: 2 });
  });

  it('runs workerStopping once where close() was before', async () => {
    const server = serving(`${ROOM} serve({ clientInput() {}, workerStopping: () => {
      room.close(); parentPort.postMessage('stopped'); } });`);
    const messages = messagesOf(server);
    await server.start();
    await server.close();
    await server.end();
    expect(messages).toEqual(['stopped', 'stopped']);
  });

  it('tells of a channel that is not closed', async () => {
    const server = serving(`${ROOM} serve({ clientInput() {} });`);
    await server.start();
    const error = await server.end().then(
      () => undefined,
      (thrown: unknown) => thrown as ForklessError,
    );
    expect(error?.code).toBe('FORKLESS_LEFT_BEHIND');
  });

  it('kills those that hang, and one whose workerStopping does not end', async () => {
    const server = serving(`serve({ clientInput() {}, workerStopping: () => new Promise(() => {}) });`);
    await server.start();
    server.workers[0]?.hang();
    await server.end();
    expect(server.status().exits).toEqual({ terminated: 2 });
  });
});

describe('workerMessage', () => {
  it('tells which worker has posted', async () => {
    const server = serving(`serve({ clientInput: (_, line) => parentPort.postMessage({ line }) });`);
    const messages: unknown[] = [];
    server.on('workerMessage', (message) => messages.push(message));
    await server.start();
    const client = server.connect();
    client.write('hello\n');
    await server.settled();
    expect(messages).toEqual([{ worker: 1, message: { line: 'hello' } }]);
    client.destroy();
    await server.end();
  });
});

it('the chat of the examples passes', async () => {
  const server = testPrefork({
    worker: new URL('../../examples/chat/worker.js', import.meta.url),
    startWorkers: 2,
    maxWorkers: 2,
  });
  await server.start();
  const clients = [1, 2].map(
    () => new WebSocket('ws://in.memory', { createConnection: () => server.connect() as never }),
  );
  await Promise.all(clients.map((client) => once(client, 'open')));
  const heard = Promise.all(clients.map((client) => once(client, 'message')));
  clients[0]?.send('hello');
  expect((await heard).map(([data]) => String(data))).toEqual(['1: hello', '1: hello']);
  await server.end();
  expect(server.status().exits).toEqual({ left: 2 });
});

it.each([
  ['rests', 'fails-before-end', 1],
  ['moves by itself', 'fails-moving', 4],
])('a failed test whose worker %s does not hang its process', async (_, name, fails) => {
  const program = fileURLToPath(new URL(`../handlers/${name}.mjs`, import.meta.url));
  const env = { NODE_V8_COVERAGE: undefined, NODE_TEST_CONTEXT: undefined };
  // Not by `--test`, whose child would be left where it has to be killed.
  const failed = new Program(process.execPath, [program], env);
  try {
    expect(await within(50_000, failed.exited)).toBe(1);
    expect(failed.said).toMatch(new RegExp(`fail ${fails}\\b`));
  } finally {
    await failed.end();
  }
});

// Rejects where it takes longer, so that the program is ended.
async function within<T>(limit: number, wait: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(limit, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`it still runs after ${limit} ms`);
  });
  try {
    return await Promise.race([wait, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}
