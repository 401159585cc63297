// Makes preforks and ends; the argument says what it does with them.
import { createPrefork } from 'forkless';

const worker = new URL('./raw-echo.mjs', import.meta.url);
const make = () => createPrefork({ worker, port: 0, host: '127.0.0.1', workers: 1 });

const ways = {
  nothing: () => make(),
  'nothing, twice': () => [make(), make()],
  close: () => make().close(),
  listen: async () => {
    const server = make();
    await server.listen();
    await server.close();
  },
  start: async () => {
    const server = make();
    await server.start();
    await server.close();
  },
  abort: () => {
    const controller = new AbortController();
    createPrefork({ worker, signal: controller.signal });
    controller.abort();
  },
  'a refused listen': () =>
    createPrefork({ worker })
      .listen()
      .catch(() => undefined),
  'a start that was aborted': () =>
    createPrefork({ worker, signal: AbortSignal.abort() })
      .start()
      .catch(() => undefined),
  'a bad option': () => {
    try {
      createPrefork({ worker, workers: 0 });
    } catch {
      // As expected.
    }
  },
};
await ways[process.argv[2]]();
