import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Prefork, type PreforkOptions } from 'forkless';
import { TRANSPORTS, type Transport } from '../transports.ts';
import { event, type Peer, started } from './peers.ts';

let server: Prefork;
let transport: Transport = 'relay';

const start = async (name: string, options: PreforkOptions): Promise<() => Peer> => {
  const prefork = await started(name, { transport, ...options });
  server = prefork.server;
  return prefork.peer;
};

afterEach(async () => {
  await server.close({ grace: 0 });
});

describe.each(TRANSPORTS)('by %s, a connection on which nothing moves', (by) => {
  beforeEach(() => {
    transport = by;
  });

  it('is closed after firstByteTimeout when its peer never sent anything; one that did stays', async () => {
    const open = await start('errors', {});
    const sender = open().send('hello\n');
    await sender.until(/hello/);
    // Not before: on a busy machine the first byte of the sender may be read later than that.
    server.configure({ firstByteTimeout: 80 });
    const seen = event(server, 'workerMessage');
    const closed = event(server, 'connectionClosed');
    const silent = open();
    await silent.closed;
    expect(await closed).toMatchObject({
      reason: 'first-byte-timeout',
      error: { message: 'ETIMEDOUT' },
      bytesRead: 0,
    });
    expect(await seen).toMatchObject({ message: { code: 'ETIMEDOUT', operation: 'read' } });
    await sender.send('still\n').until(/still/);
    expect(server.status().connections).toMatchObject({ open: 1, closes: { 'first-byte-timeout': 1 } });
    sender.socket.destroy();
  });

  it('is closed after idleTimeout, which configure() sets for those that are open', async () => {
    const open = await start('errors', {});
    const peer = open().send('hello\n');
    await peer.until(/hello/);
    const closed = event(server, 'connectionClosed');
    server.configure({ idleTimeout: 80 });
    await peer.closed;
    expect(await closed).toMatchObject({
      reason: 'idle-timeout',
      error: { message: 'ETIMEDOUT' },
      bytesRead: 6,
    });
  });

  it('is closed when its peer does not read while the handler writes for ever', async () => {
    // Longer than a busy machine holds a worker up that writes on.
    const open = await start('writes-for-ever', { firstByteTimeout: 1_000 });
    const reads = open();
    const stuck = open();
    stuck.socket.pause();
    const closed = event(server, 'connectionClosed');
    expect(await closed).toMatchObject({
      reason: 'first-byte-timeout',
      connection: { remotePort: stuck.socket.localPort },
    });
    expect(reads.socket.destroyed).toBe(false);
    stuck.socket.destroy();
    reads.socket.destroy();
  });

  it('leaves no timer behind', async () => {
    const open = await start('errors', { idleTimeout: 60_000, firstByteTimeout: 60_000 });
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const peer = open().send('hello\n');
    await peer.until(/hello/);
    peer.socket.destroy();
    await event(server, 'connectionClosed');
    await server.close();
    const after = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    expect(after).toBeLessThanOrEqual(before);
  });
});
