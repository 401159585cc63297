// A Unix socket (on Windows a named pipe) instead of a port; all else is the same.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prefork } from 'forkless';

const path =
  process.platform === 'win32'
    ? String.raw`\\.\pipe\forkless-example`
    : join(tmpdir(), 'forkless-example.sock');

const server = await prefork(import.meta.url, {
  path,
  workers: 2,
  signals: true,
  clientConnected: ({ client, worker }) => {
    client.put(`You talk to worker ${worker.id}.`);
  },
  clientInput: ({ client, worker }, line) => {
    client.put(`${worker.id}: ${line}`);
    if (line === 'quit') client.shutdown();
  },
}).catch((error) => {
  if (error.code !== 'EADDRINUSE') throw error;
  console.error(`${path} is in use, or was left behind by a program that was killed; remove it then.`);
  process.exit(1);
});

console.log(`Listening. Try: nc -U ${path}`);
