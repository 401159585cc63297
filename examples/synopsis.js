// A server in one file: the main thread and every worker load it.
import { prefork } from 'forkless';

const port = Number(process.env.PORT || 10_000);

const options = {
  port,
  workers: 'cores',
  signals: true,
  graceTime: 5_000,
  clientConnected: ({ client, worker }) => {
    client.put(`test server, welcome ${worker.id}!`);
  },
  clientInput: ({ client, worker }, line) => {
    client.put(`${worker.id}: ${line}`);
    if (line === 'quit') client.shutdown(); // this connection
    if (line === 'exit') {
      client.shutdown();
      worker.retire(); // this worker, gracefully
    }
    if (line === 'kill') process.exit(1); // a crash: others go on, a new worker is born
  },
};

// An event is an object: its plain fields are shown, of a connection its number, of an error its message.
function show(value) {
  if (value instanceof Error) return value.message;
  if (typeof value === 'number') return Math.round(value);
  return typeof value === 'object' && value !== null ? value.id : value;
}

const describe = (event) =>
  Object.entries(event)
    .filter(([, value]) => show(value) !== undefined)
    .map(([name, value]) => `${name}=${show(value)}`)
    .join(' ');

const events = [
  'workerSpawned',
  'workerReady',
  'workerRetiring',
  'workerExited',
  'connection',
  'connectionClosed',
  'drop',
  'handlerError',
  'degraded',
];

function showEvents(server) {
  for (const name of events) {
    server.on(name, (event) => {
      console.log(name, describe(event));
    });
  }
}

// In a worker this never settles, so everything after it runs in the main thread alone.
const server = await prefork(import.meta.url, options, showEvents).catch((error) => {
  if (error.code !== 'EADDRINUSE') throw error;
  console.error(`Port ${port} is in use; choose another one with the environment variable PORT.`);
  process.exit(1);
});

console.log(`Listening. Talk to it with: nc localhost ${server.address().port}
Each line comes back with the number of the worker that serves you. These do more:
  quit  ends your connection
  exit  ends your connection, and your worker once it has no other
  kill  crashes your worker; a new one is born
Ctrl-C lets open connections finish for 5 seconds, a second Ctrl-C ends at once.`);
