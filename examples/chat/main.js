// A WebSocket chat. Open http://localhost:8081/ in several windows: each may be served by another worker.
import { createPrefork } from 'forkless';

const server = createPrefork({
  worker: new URL('./worker.js', import.meta.url),
  port: Number(process.env.PORT ?? 8081),
  workers: 4,
  signals: true,
});
await server.listen();
console.log(`http://localhost:${server.address().port}/`);
