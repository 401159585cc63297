import { once } from 'node:events';
import { connect } from 'node:net';
import { createPrefork, type Prefork } from 'forkless';
import { afterEach, describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../transports.ts';
import { handlers } from './peers.ts';

interface Said {
  readonly gone?: number;
  readonly looks?: number;
  readonly foreign?: string;
}

let server: Prefork | undefined;

afterEach(async () => {
  await server?.close({ grace: 0 });
  server = undefined;
});

const CLIENTS = 20;
const LINES = 30;

async function talk(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  let lines = 0;
  socket.on('data', (chunk: Buffer) => {
    lines += chunk.toString('latin1').split('line').length - 1;
  });
  await once(socket, 'connect');
  for (let sent = 0; sent < LINES;) {
    const together = sent % 5 === 0 ? 2 : 1;
    socket.write('line\n'.repeat(together));
    sent += together;
    while (lines < sent) await once(socket, 'data');
  }
  socket.write('twice\n');
  socket.end();
  await once(socket, 'close');
}

describe.each(TRANSPORTS)('a client’s async context is its own, by %s', (transport) => {
  it.each([
    ['raw', 'run'],
    ['raw', 'enterWith'],
    ['client', 'run'],
    ['client', 'enterWith'],
  ])('in %s handlers that use %s', async (form, way) => {
    server = createPrefork({
      worker: handlers('contexts'),
      argv: [form, way],
      port: 0,
      host: '127.0.0.1',
      startWorkers: 1,
      maxWorkers: 1,
      transport,
    });
    const said: Said[] = [];
    server.on('workerMessage', ({ message }) => said.push(message as Said));
    const { port } = (await server.listen()) as { port: number };
    await Promise.all(Array.from({ length: CLIENTS }, () => talk(port)));
    while (said.filter(({ gone }) => gone !== undefined).length < CLIENTS)
      await once(server, 'workerMessage');
    expect(said.filter(({ foreign }) => foreign !== undefined)).toEqual([]);
    expect(said.at(-1)?.looks).toBeGreaterThan(CLIENTS * LINES);
  });
});

it.each(TRANSPORTS)(
  'the resource of a connection that has ended is told destroyed, by %s',
  async (transport) => {
    server = createPrefork({
      worker: handlers('counts-scopes'),
      port: 0,
      host: '127.0.0.1',
      workers: 1,
      transport,
    });
    const { port } = (await server.listen()) as { port: number };
    const alive = async (): Promise<number> => {
      const socket = connect(port, '127.0.0.1');
      socket.write('how many?\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.end();
      await once(socket, 'close');
      return Number(String(answer));
    };
    for (let count = 0; count < 50; count += 1) await alive();
    // Node tells a little later; its own, and the one of the worker itself.
    await expect.poll(alive).toBeLessThan(4);
  },
);
