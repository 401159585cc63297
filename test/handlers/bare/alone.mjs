// A process that has nothing but one thread: `node alone.mjs <host> <module> <how it goes on>`.
import { MessageChannel } from 'node:worker_threads';
import { loadHost } from '../../../dist/alone/hosts.js';

const [name, module, way] = process.argv.slice(2);
const host = await loadHost(name);
const { port1, port2 } = new MessageChannel();
const boot = { url: new URL(module, import.meta.url).href, port: port2, settings: {} };
let tell;
const exited = new Promise((resolve) => (tell = resolve));
const thread = host.start({ name: 'alone', boot }, tell);

const WAYS = {
  'unref at once': () => thread.unref(),
  'unref later': () =>
    port1.once('message', () => {
      thread.unref();
      console.log('up');
    }),
  'unref and ref': async () => {
    thread.unref();
    thread.ref();
    console.log((await exited).code);
  },
  leave: async () => {
    port1.postMessage('leave');
    console.log((await exited).code);
  },
  terminate: async () => {
    thread.terminate();
    console.log((await exited).reason);
  },
};
await WAYS[way]();
