// A program whose workers' module never serves.
import { createPrefork } from 'forkless';

const server = createPrefork({
  worker: new URL('./never-serves.mjs', import.meta.url),
  port: 0,
  host: '127.0.0.1',
  workers: 1,
  threadHost: process.env.HOST,
});
await server.listen().catch(({ message }) => console.log(message));
