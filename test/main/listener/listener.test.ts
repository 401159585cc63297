import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { Listener } from '../../../src/main/listener/listener.ts';

function portOf(address: unknown): number {
  if (typeof address === 'object' && address !== null && 'port' in address) return Number(address.port);
  throw new Error('no port');
}

const target = (port: number) => ({ port, host: '127.0.0.1' });

it('rejects when the port is taken, and calls that no failure to accept', async () => {
  const other = createServer().listen(target(0));
  await once(other, 'listening');
  const failed = vi.fn();
  const listen = target(portOf(other.address()));
  const listener = new Listener({ socket: {}, listen, accepted: () => undefined, failed });
  await expect(listener.open()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(failed).not.toHaveBeenCalled();
  await listener.close();
  other.close();
});

it('frees the port at once when it closes, while a connection goes on', async () => {
  const accepted: Socket[] = [];
  const options = { socket: {}, accepted: (socket: Socket) => void accepted.push(socket), failed: vi.fn() };
  const first = new Listener({ ...options, listen: target(0) });
  const port = portOf(await first.open());
  const client = connect(port, '127.0.0.1');
  await vi.waitUntil(() => accepted.length === 1, { interval: 1 });
  await first.close();
  await first.close();
  const second = new Listener({ ...options, listen: target(port) });
  expect(portOf(await second.open())).toBe(port);
  expect(accepted[0]?.isPaused()).toBe(true);
  client.destroy();
  accepted[0]?.destroy();
  await second.close();
});
