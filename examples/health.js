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
    `forkless_threads ${counts.threads}`,
    `forkless_connections_open ${connections.open}`,
    `forkless_connections_waiting ${connections.waiting}`,
    `forkless_connections_accepted_total ${connections.accepted}`,
    ...Object.entries(connections.drops).map(
      ([reason, count]) => `forkless_connections_refused_total{reason="${reason}"} ${count}`,
    ),
    ...workers.map(({ id, utilization = 0 }) => `forkless_worker_utilization{worker="${id}"} ${utilization}`),
  ];
}

const health = createServer((request, response) => {
  const status = server.status();
  if (request.url === '/health') {
    const isWell = status.state === 'listening' && status.counts.ready > 0;
    // One that crashes now and then is `degraded`, and serves on.
    response
      .writeHead(isWell ? 200 : 503)
      .end(isWell ? 'ok\n' : `${status.state} ${status.degraded.join(', ')}\n`);
    return;
  }
  response.setHeader('content-type', 'text/plain; version=0.0.4');
  response.end(`${metrics(status).join('\n')}\n`);
});
server.once('closed', () => health.close());
health.listen(Number(process.env.HEALTH_PORT ?? 9_090), '127.0.0.1', () => {
  console.log(`listening on ${server.port}, health on ${health.address().port}`);
});
