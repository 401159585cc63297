// One thread does everything.
import { createServer } from 'node:net';
import { serveSocket } from './app.mjs';
import { control, tell } from './control.mjs';

control({});
const server = createServer({ noDelay: true }, serveSocket);
server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  tell({ port });
  tell({ ready: true });
});
