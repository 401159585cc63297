// Processes; the primary accepts and passes the sockets on in turn, which is the default.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { serveSocket } from './app.mjs';
import { control, settings, tell, timed } from './control.mjs';

if (cluster.isPrimary) primary();
else (await server()).listen(0, '127.0.0.1');

async function server() {
  if (settings.protocol !== 'http') return createServer({ noDelay: true }, serveSocket);
  // Only here: its modules would count in births and memory.
  const { httpServer } = await import('./http-app.mjs');
  return httpServer();
}

function primary() {
  let listening = 0;
  cluster.on('listening', (_, { port }) => {
    listening += 1;
    if (listening === 1) tell({ port });
    if (listening === settings.workers) tell({ ready: true });
  });
  control({
    birth: () => timed(once(cluster.fork(), 'listening')),
    stop: () => {
      // A hung one would not notice that the primary has gone.
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL');
    },
  });
  for (let count = 0; count < settings.workers; count += 1) cluster.fork();
}
