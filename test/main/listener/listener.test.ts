import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
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
  await vi.waitUntil(() => accepted.length === 1, { interval: 1, timeout: 20_000 });
  await first.close();
  await first.close();
  const second = new Listener({ ...options, listen: target(port) });
  expect(portOf(await second.open())).toBe(port);
  expect(accepted[0]?.isPaused()).toBe(true);
  client.destroy();
  accepted[0]?.destroy();
  await second.close();
});

/** What a listener says of where a client arrived, and what the system says. */
async function arrival(host: string, to: string): Promise<readonly [said: unknown, asked: unknown]> {
  const arrivals: (readonly [unknown, unknown])[] = [];
  const accepted = (socket: Socket, place: AddressInfo | undefined): void => {
    const { localAddress: address, localPort: port, localFamily: family } = socket;
    arrivals.push([place, { address, port, family }]);
    socket.destroy();
  };
  const listener = new Listener({ socket: {}, listen: { port: 0, host }, accepted, failed: vi.fn() });
  const client = connect(portOf(await listener.open()), to).on('error', () => undefined);
  await vi.waitUntil(() => arrivals.length === 1, { interval: 1, timeout: 20_000 });
  client.destroy();
  await listener.close();
  return arrivals[0] ?? [undefined, undefined];
}

it.each([['127.0.0.1'], ['127.0.0.2'], ['::1']])(
  'knows where each client arrives that can arrive at %s only, as the system tells it',
  async (host) => {
    const [said, asked] = await arrival(host, host);
    expect(said).toEqual(asked);
  },
);

it.each([
  ['0.0.0.0', '127.0.0.2'],
  ['::', '127.0.0.3'],
  ['::', '::1'],
  ['::ffff:127.0.0.1', '127.0.0.1'],
])('leaves it to the system where a client of %s arrives', async (host, to) => {
  const [said] = await arrival(host, to);
  expect(said).toBeUndefined();
});
