// The main thread owns the sockets and makes one pool call for each request.
import { createServer } from 'node:net';
import { Piscina } from 'piscina';
import { control, settings, tell } from './control.mjs';

const pool = new Piscina({
  filename: new URL('./piscina-task.mjs', import.meta.url).href,
  minThreads: settings.workers,
  maxThreads: settings.workers,
});

/** @param {import('node:net').Socket} socket */
function serveByCalls(socket) {
  let begun = '';
  /** Replies leave in the order of the requests, whichever is done first. @type {Promise<void>} */
  let last = Promise.resolve();

  /**
   * @param {Promise<string>} call
   * @param {Promise<void>} before
   */
  async function reply(call, before) {
    const answer = await call;
    await before;
    if (!socket.destroyed) socket.write(answer, 'latin1');
  }

  socket.on('data', (chunk) => {
    const lines = (begun + chunk.toString('latin1')).split('\n');
    begun = lines.pop() ?? '';
    for (const line of lines) {
      last = reply(pool.run(`${line}\n`), last);
      last.catch(() => socket.destroy());
    }
  });
  socket.on('end', () => last.finally(() => socket.end()).catch(() => undefined));
  socket.on('error', () => socket.destroy());
}

control({});
const server = createServer({ noDelay: true, allowHalfOpen: true }, serveByCalls);
server.listen(0, '127.0.0.1', async () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  tell({ port });
  await Promise.all(Array.from({ length: settings.workers }, () => pool.run('e\n')));
  tell({ ready: true });
});
