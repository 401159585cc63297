// A program whose workers' module never serves, in the way that it is told.
import { createPrefork } from 'forkless';

const server = createPrefork({
  worker: new URL(`./${process.env.MODULE}.mjs`, import.meta.url),
  port: 0,
  host: '127.0.0.1',
  workers: 3,
  threadHost: process.env.HOST,
  bootTimeout: Number(process.env.BOOT_TIMEOUT ?? 30_000),
});
await server.listen().catch(({ message }) => console.log(message));
