import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { duplexPair } from 'node:stream';
import { testPrefork, type TestPrefork } from 'forkless/testing';
import { afterEach, describe, expect, it } from 'vitest';

let server: TestPrefork;

const prepared = (options: object = {}): TestPrefork =>
  (server = testPrefork({
    worker: new URL('../../handlers/commands.mjs', import.meta.url),
    startWorkers: 1,
    ...options,
  }));

afterEach(async () => {
  await server.end();
});

const greeting = async (client: NodeJS.ReadableStream): Promise<string> =>
  String(((await once(client, 'data')) as [Buffer])[0]);

describe('start()', () => {
  it('serves connections without a port', async () => {
    await prepared().start();
    expect(server.address()).toBeNull();
    expect(server.status().state).toBe('listening');
    expect(await greeting(server.connect())).toBe('welcome 1\r\n');
  });

  it('does nothing when called again, and a port may come later', async () => {
    await prepared().start();
    await server.start();
    const { port } = (await server.listen({ port: 0, host: '127.0.0.1' })) as AddressInfo;
    const client = connect(port, '127.0.0.1');
    expect(await greeting(client)).toBe('welcome 1\r\n');
    expect(server.workers).toHaveLength(2);
    client.destroy();
  });

  it('rejects when no worker boots, and leaves nothing behind', async () => {
    prepared().failBoots({ error: new Error('no database') });
    await expect(server.start()).rejects.toMatchObject({
      code: 'FORKLESS_BOOT_FAILED',
      message: expect.stringContaining('no database') as string,
    });
    expect(server.status().state).toBe('closed');
    await expect(server.start()).rejects.toMatchObject({ code: 'FORKLESS_WRONG_STATE' });
  });

  it('leaves the signals of the test runner alone, whatever the option `signals` says', async () => {
    const count = (): number[] => ['SIGINT', 'SIGTERM'].map((name) => process.listenerCount(name));
    const before = count();
    await prepared({ signals: true }).start();
    expect(count()).toEqual(before);
  });

  it('rejects for an aborted signal', async () => {
    const reason = new Error('not wanted');
    await expect(prepared({ signal: AbortSignal.abort(reason) }).start()).rejects.toMatchObject({
      code: 'FORKLESS_ABORTED',
      cause: reason,
    });
  });
});

describe('connect()', () => {
  it('ends when the other side has ended, unless it is to stay half-open', async () => {
    await prepared().start();
    const [plain, half] = [server.connect(), server.connect()];
    half.allowHalfOpen = true;
    for (const client of [plain, half]) client.resume().write('quit\n');
    await server.settled();
    expect([plain.readableEnded, plain.writableEnded]).toEqual([true, true]);
    expect([half.readableEnded, half.writableEnded]).toEqual([true, false]);
    half.end();
  });

  it('serves a stream whose addresses are none, without them', async () => {
    await prepared().start();
    const [client, stream] = duplexPair();
    const odd = { remoteAddress: { toJSON: () => 1n }, remotePort: 10n, localAddress: Symbol('here') };
    server.accept(Object.assign(stream, odd));
    expect(await greeting(client)).toBe('welcome 1\r\n');
    client.destroy();
    stream.destroy();
  });

  it('says its own name when there is nothing to connect to', () => {
    expect(() => prepared().connect()).toThrow(/connect\(\)/);
  });
});
