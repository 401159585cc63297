// A process that starts threads and terminates each somewhere while it loads: `node terminates.mjs <host> <how many>`.
import { MessageChannel } from 'node:worker_threads';
import { setTimeout as delay } from 'node:timers/promises';
import { loadHost } from '../../../dist/alone/hosts.js';

const [name, count] = process.argv.slice(2);
const host = await loadHost(name);
const url = new URL('echo.mjs', import.meta.url).href;
let started = 0;
let ended = 0;

async function one(number) {
  const { port1, port2 } = new MessageChannel();
  let tell;
  const exited = new Promise((resolve) => (tell = resolve));
  const thread = host.start({ name: 'subject', boot: { url, port: port2, settings: {} } }, tell);
  // Steps that meet every millisecond of the load, in an order that does not follow the machine's moods.
  await delay((number * 7) % 60);
  thread.terminate();
  await exited;
  ended += 1;
  port1.close();
}

const lane = async () => {
  while (started < Number(count)) await one(started++);
};
await Promise.all([lane(), lane(), lane()]);
console.log(`${ended} ended`);
