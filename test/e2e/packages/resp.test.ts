import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Peer } from '../peers.ts';

it('examples/resp.js keeps what it is given, whatever the cut of the bytes', async () => {
  const program = fileURLToPath(new URL('../../../examples/resp.js', import.meta.url));
  const server = spawn(process.execPath, [program], { env: { ...process.env, PORT: '0' } });
  try {
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const peer = new Peer(Number(/(\d+)\s*$/.exec(line.toString())?.[1]));
    const bytes = Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\ngrün\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n');
    for (const byte of bytes) peer.send(Uint8Array.of(byte));
    await peer.until(/\+OK\r\n\$5\r\n.{5}\r\n$/s);
    expect(peer.bytes.toString()).toBe('+OK\r\n$5\r\ngrün\r\n');
    peer.socket.destroy();
  } finally {
    const ended = once(server, 'exit');
    server.kill();
    await ended;
  }
});
