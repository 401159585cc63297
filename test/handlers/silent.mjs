// A program whose handlers fail in each way that there is, at the word of a client. What it prints is what Node and
// forkless print. `HEAR` names an event that is listened to, and is printed.
import { prefork } from 'forkless';
import { PreforkTCP } from 'forkless/poe';

const fail = {
  throw: () => {
    undefined.x; // throw
  },
  reject: () => Promise.reject(new RangeError('rejected on demand')), // reject
  timer: () =>
    setTimeout(() => {
      throw new Error('thrown in a timer'); // timer
    }),
  unhandled: () => void Promise.reject(new Error('not handled')), // unhandled
  nothing: () =>
    setTimeout(() => {
      throw undefined;
    }),
  exit: () => process.exit(3),
  loop: () => {
    for (;;) Math.random(); // loop
  },
  escape: () => {
    throw new Error('red \u001b[31m\n    at fake (file:///fake.js:1:1)'); // escape
  },
};

const { HEAR, FORM, CLIENT_ERROR } = process.env;
const pool = {
  startWorkers: 2,
  minWorkers: 2,
  maxWorkers: 2,
  masterHeartbeat: 200,
  workerHeartbeat: 50,
  workerExpireTime: 400,
  bootRetryDelay: 10,
};
const listen = (server) => {
  if (HEAR) server.on(HEAR, ({ error }) => console.log(`heard ${HEAR} ${error?.message}`));
  console.log(`port ${server.address().port}`);
  process.stdin.on('end', () => server.close({ grace: 0 })).resume();
};

if (FORM === 'poe') {
  const { prefork: server } = await PreforkTCP(import.meta.url, {
    Address: '127.0.0.1',
    Port: 0,
    StartServer: 1,
    ClientInput: ({ arg0 }) => fail[arg0]?.(),
    ...(CLIENT_ERROR && { ClientError: ({ arg2 }) => console.log(`heard ClientError ${arg2}`) }),
  });
  listen(server);
} else {
  const server = await prefork(import.meta.url, {
    port: '0',
    host: '127.0.0.1',
    ...pool,
    clientInput: ({ client }, line) => {
      client.put('heard');
      return fail[line]?.();
    },
    ...(CLIENT_ERROR && { clientError: (_, { message }) => console.log(`heard clientError ${message}`) }),
  });
  listen(server);
}
