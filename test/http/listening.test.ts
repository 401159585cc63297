import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { Listening } from '../../src/http/listening.ts';
import { worker } from '../worker/session/conversation-log.ts';

it.each([
  ['a port', { address: '127.0.0.1', family: 'IPv4', port: 80 }],
  ['a Unix socket', '/run/server.socket'],
  ['nothing', null],
])('address() of a given server, where the prefork listens on %s', (_, address) => {
  const server = createServer();
  new Listening(server, { ...worker, address });
  expect([server.listening, server.address()]).toEqual([true, address]);
});
