import { setEnvironmentData } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { type Prefork } from 'forkless';
import { HOSTS_AND_TRANSPORTS } from '../transports.ts';
import { started } from './peers.ts';

let server: Prefork;

afterEach(async () => {
  setEnvironmentData('shared', undefined);
  await server.close({ grace: 0 });
});

describe.each(HOSTS_AND_TRANSPORTS)('on $threadHost by $transport', (place) => {
  it('workers see what the main thread has set, and share its memory, those born later too', async () => {
    const counter = new Int32Array(new SharedArrayBuffer(4));
    setEnvironmentData('shared', { settings: { name: 'mine' }, counter });
    const one = await started('shares', { ...place, startWorkers: 2, maxWorkers: 4 });
    server = one.server;
    for (let n = 1; n <= 6; n += 1) {
      if (n === 4) await server.reload();
      const peer = one.peer().send('\n');
      expect(await peer.until(/\n/)).toBe(`mine ${n}\r\n`);
      peer.socket.destroy();
    }
    expect(counter[0]).toBe(6);
    expect([server.port, server.address()]).toEqual([
      one.port,
      { address: '127.0.0.1', family: 'IPv4', port: one.port },
    ]);
  });
});
