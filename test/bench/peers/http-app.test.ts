import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { scripts } from '../load/dialogue.mjs';
import { httpServer } from './http-app.mjs';

test('a peer answers HTTP as the load expects it, to the byte', async () => {
  const server = httpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { requests, replies, replySize } = scripts.http(32, 7);
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let received = Buffer.alloc(0);
  client.on('data', (chunk) => (received = Buffer.concat([received, chunk])));
  for (const request of requests) client.write(request);
  const whole = requests.length * replySize;
  while (received.length < whole) await once(client, 'data');
  expect(received.toString('latin1')).toBe(replies.toString('latin1', 0, whole));
  client.destroy();
  server.close();
});
