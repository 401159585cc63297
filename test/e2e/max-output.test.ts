import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createPrefork, type Prefork, type PreforkOptions } from 'forkless';
import { afterEach, describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../transports.ts';
import { certificate, hasOpenssl } from './certificates.ts';
import { handlers } from './peers.ts';

const MIB = 1_048_576;
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n';
const UPGRADE = `${GET}connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${'a'.repeat(22)}==\r\n`;

let server: Prefork | undefined;

afterEach(async () => {
  await server?.close({ grace: 0 });
  server = undefined;
});

/** What the worker saw of a client that asks so, and reads nothing of the answer. */
async function stalled(
  form: string,
  ask: string,
  options: PreforkOptions,
): Promise<[most: number, code: string | undefined]> {
  server = createPrefork({
    worker: handlers('writes-on'),
    argv: [form],
    port: 0,
    host: '127.0.0.1',
    startWorkers: 1,
    maxWorkers: 1,
    maxOutput: 2 * MIB,
    ...options,
  });
  let most = 0;
  let code: string | undefined;
  const closed = new Promise<void>((resolve) => {
    server?.on('workerMessage', ({ message }) => {
      const said = message as { waiting?: number; code?: string; closed?: boolean };
      most = Math.max(most, said.waiting ?? 0);
      code ??= said.code;
      if (said.closed === true) resolve();
    });
  });
  const { port } = (await server.listen()) as { port: number };
  const terms = { port, host: '127.0.0.1' };
  const client = options.tls ? connectTls({ ...terms, rejectUnauthorized: false }) : connect(terms);
  client.on('error', () => undefined);
  await once(client, options.tls ? 'secureConnect' : 'connect');
  client.pause();
  if (ask !== '') client.write(`${ask}\r\n`);
  await closed;
  client.destroy();
  return [most, code];
}

describe.each(TRANSPORTS)('maxOutput holds a handler that never looks, by %s', (transport) => {
  it.each([
    ['raw', ''],
    ['http', GET],
    ['websocket', UPGRADE],
  ])('over %s', async (form, ask) => {
    const [most, code] = await stalled(form, ask, { transport });
    expect(code).toBe('FORKLESS_OUTPUT_OVERFLOW');
    expect(most).toBeLessThan(4 * MIB);
  });

  it.skipIf(!hasOpenssl).each([
    ['raw', '', 'worker'],
    ['http', GET, 'worker'],
    ['http', GET, 'main'],
  ] as const)('over %s and TLS %s, ended in the %s', async (form, ask, place) => {
    const tls = { ...certificate('localhost'), in: place };
    const [most, code] = await stalled(form, ask, { transport, tls });
    expect(code).toBe('FORKLESS_OUTPUT_OVERFLOW');
    expect(most).toBeLessThan(4 * MIB);
  });
});
