import { once } from 'node:events';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../transports.ts';
import { certificate, hasOpenssl } from './certificates.ts';
import { started } from './peers.ts';

describe.runIf(hasOpenssl).each(TRANSPORTS)('a handler that fails under TLS, by %s', (transport) => {
  it('ends its own connection alone, and the reason says why', async () => {
    const { server, port } = await started('tls-fails', {
      startWorkers: 1,
      maxWorkers: 1,
      transport,
      tls: certificate('localhost'),
    });
    const closes: unknown[] = [];
    const exits: unknown[] = [];
    server.on('connectionClosed', ({ reason, error }) => closes.push(`${reason} ${error?.message}`));
    server.on('workerExited', ({ why, reason }) => exits.push(why === 'closing' ? why : reason));
    for (let at = 0; at < 100; at += 1) {
      const client = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
      client.on('error', () => undefined).resume();
      await once(client, 'close');
    }
    while (closes.length < 100) await once(server, 'connectionClosed');
    await server.close({ grace: 0 });
    expect(new Set(closes)).toEqual(new Set(['handler-error destroyed', 'handler-error thrown']));
    expect(exits).toEqual(['closing']);
  });
});
