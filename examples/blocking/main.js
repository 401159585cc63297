// Work that blocks: a line "burn" keeps its worker's CPU busy for 200 ms. Other workers answer meanwhile.
import { createPrefork } from 'forkless';

const server = createPrefork({
  worker: new URL('./worker.js', import.meta.url),
  port: Number(process.env.PORT || 10_000),
  workers: '4..8',
  signals: true, // Ctrl-C lets open connections finish
});

await server.listen();
const { port } = server.address();
console.log(`Listening. In one terminal, keep a worker busy:
  (while sleep 0.1; do echo burn; done) | nc localhost ${port}
In another one, lines still come back at once:
  nc localhost ${port}`);
