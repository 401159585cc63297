// A server beside a health check and metrics on a port of their own, for load balancers and Prometheus.
import { createServer } from 'node:http';
import { prefork } from 'forkless';

const server = await prefork(import.meta.url, {
  port: Number(process.env.PORT ?? 10_000),
  workers: 'cores',
  signals: true,
  clientInput: ({ client, worker }, line) => void client.put(`${worker.id}: ${line}`),
});

function metrics({ counts, connections, workers }) {
  return [
    `forkless_workers_ready ${counts.ready}`,
    `forkless_workers_suspect ${counts.suspect}`,
    `forkless_threads ${counts.threads}`,
    `forkless_connections_open ${connections.open}`,
    `forkless_connections_waiting ${connections.waiting}`,
    `forkless_connections_accepted_total ${connections.accepted}`,
    ...Object.entries(connections.drops).map(
      ([reason, count]) => `forkless_connections_refused_total{reason="${reason}"} ${count}`,
    ),
    ...workers.flatMap(({ id, suspect, silentFor = 0, utilization = 0 }) => [
      `forkless_worker_suspect{worker="${id}"} ${Number(suspect)}`,
      `forkless_worker_silent_seconds{worker="${id}"} ${silentFor / 1_000}`,
      `forkless_worker_utilization{worker="${id}"} ${utilization}`,
    ]),
  ];
}

function inWords({ state, degraded, counts, connections }, serving) {
  const causes = degraded.length > 0 ? `, degraded: ${degraded.join(', ')}` : '';
  return `${state}, ${serving} of ${counts.ready} ready workers serve, ${connections.waiting} connections wait${causes}\n`;
}

const health = createServer((request, response) => {
  const status = server.status();
  if (request.url === '/health') {
    // A worker that hangs stays `ready` for `workerExpireTime`. It is `suspect` once a connection has waited for it in vain
    // for `claimTimeout`, 1 s.
    const serving = status.counts.ready - status.counts.suspect;
    const isWell = status.state === 'listening' && serving > 0;
    // A pool whose workers crash now and then is `degraded`, and serves on.
    response.writeHead(isWell ? 200 : 503).end(isWell ? 'ok\n' : inWords(status, serving));
    return;
  }
  response.setHeader('content-type', 'text/plain; version=0.0.4');
  response.end(`${metrics(status).join('\n')}\n`);
});
server.once('closed', () => health.close());
health.listen(Number(process.env.HEALTH_PORT ?? 9_090), '127.0.0.1', () => {
  console.log(`listening on ${server.port}, health on ${health.address().port}`);
});
