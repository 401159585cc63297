// The main thread; what runs in the workers is in worker.js. Try it with: nc localhost 10000
import { createPrefork } from 'forkless';

const server = createPrefork({
  worker: new URL('./worker.js', import.meta.url),
  port: Number(process.env.PORT || 10_000),
  workers: 2,
  signals: true, // Ctrl-C lets open connections finish
});

await server.listen();
console.log(`Listening. Try: nc localhost ${server.address().port}`);
