import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Peer } from '../peers.ts';

describe('examples/resp.js', () => {
  let server: ChildProcess;
  let port: number;

  beforeAll(async () => {
    const program = fileURLToPath(new URL('../../../examples/resp.js', import.meta.url));
    server = spawn(process.execPath, [program], { env: { ...process.env, PORT: '0' } });
    const [line] = (await once(server.stdout!, 'data')) as [Buffer];
    port = Number(/(\d+)\s*$/.exec(line.toString())?.[1]);
  });

  afterAll(async () => {
    const ended = once(server, 'exit');
    server.kill();
    await ended;
  });

  it('keeps what it is given, whatever the cut of the bytes', async () => {
    const peer = new Peer(port);
    const bytes = Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\ngrün\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n');
    for (const byte of bytes) peer.send(Uint8Array.of(byte));
    await peer.until(/\+OK\r\n\$5\r\n.{5}\r\n$/s);
    expect(peer.bytes.toString()).toBe('+OK\r\n$5\r\ngrün\r\n');
    peer.socket.destroy();
  });

  it.each(['*x\r\n', '*1\r\nGET a\r\n', '*1\r\n$-7\r\n', '*2\r\n$1\r\na\r\n$12345678\r\n'])(
    'says what is wrong with %j, and closes',
    async (garbage) => {
      const peer = new Peer(port);
      peer.send(garbage);
      await peer.closed;
      expect(peer.bytes.toString()).toBe('-ERR Protocol error\r\n');
    },
  );
});
