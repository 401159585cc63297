// A program with the option `signals`; `argv` says what else it does.
import { createPrefork, prefork } from 'forkless';
import { isMainThread } from 'node:worker_threads';

const flags = process.argv.slice(2);
const has = (flag) => flags.includes(flag);

// What the parent waits for before it sends a signal.
const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);
if (isMainThread) {
  // So that a parent that has gone leaves no process behind.
  process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();
  process.stdin.unref();
}

const options = {
  port: 0,
  host: '127.0.0.1',
  threadHost: 'worker',
  startWorkers: 1,
  maxWorkers: 2,
  argv: flags,
  signals: true,
  ...(has('short') && { graceTime: 300 }),
  workerStarted: () => {
    process.stdout.write('starting\n');
    return has('never-ready') ? new Promise(() => setInterval(() => undefined, 1_000)) : undefined;
  },
  clientInput: ({ client }, line) => {
    client.put(line);
    if (line === 'quit') client.shutdown();
  },
};

const server = await prefork(import.meta.url, options, (server) => {
  if (has('heard')) server.on('workerKilled', ({ clients }) => say('killed with', clients));
  server.on('closed', () => {
    say('closed');
    if (has('afterwards')) setTimeout(say, 100, 'afterwards');
    if (has('for-ever')) setInterval(() => undefined, 1_000);
    if (has('code')) process.exitCode = 7;
  });
});
const ports = [server.address().port];
if (has('two')) {
  const worker =
    'data:text/javascript,' +
    encodeURIComponent(`
    import { serve } from '${import.meta.resolve('forkless/worker')}';
    serve({ clientInput: ({ client }, line) => client.put(line) });`);
  const { clientInput, workerStarted, ...rest } = options;
  const second = createPrefork({ ...rest, worker });
  await second.listen();
  second.on('closed', () => say('second closed'));
  ports.push(second.address().port);
}
say('listening', ...ports, process.listenerCount('SIGINT'), process.listenerCount('SIGTERM'));
if (has('closes')) {
  await server.close();
  say('left', process.listenerCount('SIGINT'), process.listenerCount('SIGTERM'));
  setInterval(() => undefined, 1_000);
}
