// A whole program: a prefork with short times that says what happens to its workers. Ends with its input.
import { createPrefork } from 'forkless';

const server = createPrefork({
  worker: new URL('./commands.mjs', import.meta.url),
  host: '127.0.0.1',
  port: 0,
  threadHost: 'worker',
  startWorkers: 3,
  masterHeartbeat: 200,
  workerHeartbeat: 50,
  workerExpireTime: 600,
  graceTime: 200,
  bootTimeout: 5_000,
});
for (const name of ['workerRetiring', 'workerKilled', 'workerExited', 'acceptError', 'drop']) {
  server.on(name, ({ worker, why, error }) => {
    console.log(name, worker ?? '', why ?? error?.code ?? '');
  });
}
const { port } = await server.listen();
while (server.status().counts.ready < 3) await new Promise((resolve) => setImmediate(resolve));
console.log('port', port);
process.stdin.on('data', (command) => {
  // Blocks the main thread as a host may.
  if (String(command).startsWith('block')) for (const end = Date.now() + 3_000; Date.now() < end;);
  console.log('status', JSON.stringify(server.status().counts), server.status().connections.open);
});
process.stdin.on('end', () => void server.close({ grace: 0 }));
