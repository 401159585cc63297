// An Express app with a route that blocks its thread: other requests are served by other workers meanwhile.
// Try: curl localhost:8080/block & curl localhost:8080/
import express from 'express';
import { prefork } from 'forkless';
import { http } from 'forkless/http';
import { threadId } from 'node:worker_threads';

const app = express();
app.get('/', (request, response) => response.send(`thread ${threadId}\n`));
app.get('/block', (request, response) => {
  const until = performance.now() + 2_000;
  while (performance.now() < until);
  response.send(`thread ${threadId} was busy for two seconds\n`);
});

const server = await prefork(import.meta.url, {
  port: Number(process.env.PORT ?? 8080),
  workers: 4,
  signals: true,
  ...http(app, { maxRequestsPerSocket: 1_000 }),
});
console.log(`http://localhost:${server.address().port}/`);
