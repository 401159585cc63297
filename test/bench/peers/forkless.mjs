// The package as its users get it, by its own name.
import { once } from 'node:events';
import { createPrefork } from 'forkless';
import { control, settings, tell, timed } from './control.mjs';

const { workers, maxWorkers = workers, transport = 'relay', protocol, options } = settings;
const worker = protocol === 'http' ? './forkless-http-worker.mjs' : './forkless-worker.mjs';
let size = workers;

try {
  await main();
} catch (error) {
  if (transport === 'relay') throw error;
  // This Node or this version of the package cannot; the runner leaves the peer out and says why.
  tell({ unsupported: /** @type {Error} */ (error).message });
}

async function main() {
  const server = createPrefork({
    worker: new URL(worker, import.meta.url),
    host: '127.0.0.1',
    port: 0,
    noDelay: true,
    startWorkers: workers,
    maxWorkers,
    // Any string may come in as the name of a transport; the package says whether it knows it.
    transport: /** @type {'relay'} */ (transport),
    ...options,
  });
  let ready = 0;
  server.on('workerReady', () => {
    ready += 1;
    if (ready === workers) tell({ ready: true });
  });
  control({
    held: () => server.status().workers.reduce((sum, { open }) => sum + open, 0),
    birth: () => {
      size += 1;
      const born = once(server, 'workerReady');
      server.configure({ maxWorkers: size, minWorkers: size });
      return timed(born);
    },
  });
  const address = /** @type {import('node:net').AddressInfo} */ (await server.listen());
  tell({ port: address.port });
}
