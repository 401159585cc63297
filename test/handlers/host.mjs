// A whole program: a prefork with the worker WORKER and the OPTIONS (JSON) of its environment, told by lines on its input
// what to do: a method of the prefork and its argument as JSON, or one of the commands below. Answers each line by one.
// With EVENTS it says what becomes of its workers and connections. Ends with its input.
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createPrefork } from 'forkless';
import { collectedBy } from './collects.mjs';

const server = createPrefork({
  worker: new URL(`./${process.env.WORKER}.mjs`, import.meta.url),
  host: '127.0.0.1',
  port: 0,
  threadHost: 'worker',
  ...JSON.parse(process.env.OPTIONS ?? '{}'),
});

const say = (what, about) => console.log(what, JSON.stringify(about ?? {}));

if (process.env.EVENTS) {
  const told = ({ connection, worker, reason, error }) => ({
    id: connection.id,
    port: connection.remotePort,
    worker,
    reason,
    error: error?.message ?? error,
  });
  server.on('drop', (event) => say('drop', told(event)));
  server.on('connectionClosed', (event) => say('over', told(event)));
  server.on('workerExited', ({ worker, reason, why, code }) => say('exit', { worker, reason, why, code }));
}

// The longest time without a worker that is ready.
let lackedSince;
let longestLack = 0;
const look = () => {
  const now = performance.now();
  if (server.status().counts.ready > 0) lackedSince = undefined;
  else longestLack = Math.max(longestLack, now - (lackedSince ??= now));
};

const resources = () => {
  const tally = {};
  for (const name of process.getActiveResourcesInfo()) tally[name] = (tally[name] ?? 0) + 1;
  return tally;
};

/** Memory when all threads have collected their garbage; only where no worker is blocked. */
const memory = async () => {
  const kept = await collectedBy(
    server
      .status()
      .workers.filter(({ phase }) => phase === 'ready')
      .map(({ threadId }) => threadId),
  );
  return { rss: process.memoryUsage.rss(), kept };
};

const ownMemory = () => {
  globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, kept: heapUsed + external };
};

/** Takes all file descriptors there are for a while. */
const exhaust = async (time) => {
  const taken = [];
  try {
    for (;;) taken.push(openSync('/dev/null'));
  } catch {
    // None is left.
  }
  await new Promise((resolve) => setTimeout(resolve, time));
  for (const fd of taken) closeSync(fd);
  return taken.length;
};

const commands = {
  status: () => ({ ...server.status(), ...ownMemory(), resources: resources(), longestLack }),
  memory,
  block: (time) => {
    for (const end = performance.now() + time; performance.now() < end;);
  },
  exhaust,
  mood: (mood) => {
    writeFileSync(process.env.MOOD, mood);
  },
};

await server.listen();
for (const name of ['workerReady', 'workerExited', 'workerRetiring']) server.on(name, look);
setInterval(look, 5).unref();
say('port', server.address().port);
createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const [, number, command, argument] = /^(\d+) (\w+) ?(.*)$/.exec(line);
    const run = commands[command] ?? server[command].bind(server);
    try {
      say(`answer ${number}`, await run(argument === '' ? undefined : JSON.parse(argument)));
    } catch (error) {
      say(`refused ${number}`, { code: error.code, message: error.message });
    }
  })
  .on('close', () => {
    server.close({ grace: 0 }).then(() => process.exit());
  });
