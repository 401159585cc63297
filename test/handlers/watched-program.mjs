// A program to be run under `node --watch`: a prefork whose worker is the module WORKER, on the thread host HOST. Says
// what its worker posts, and when it is up.
import { createPrefork } from 'forkless';

const server = createPrefork({
  worker: new URL(process.env.WORKER),
  threadHost: process.env.HOST,
  startWorkers: 1,
  maxWorkers: 1,
});
server.on('workerMessage', ({ message }) => console.log('posted', JSON.stringify(message)));
await server.start();
server.unref();
const client = server.connect();
client.write('hello\n');
client.once('data', (reply) => console.log('up', String(reply).trim()));
// Until the watcher ends it; never for longer than a test.
setTimeout(() => process.exit(), 30_000);
