// Counts what its handlers find in an AsyncLocalStorage: their own connection's number, or nothing; never another's.
import { AsyncLocalStorage } from 'node:async_hooks';
import { parentPort } from 'node:worker_threads';
import { serve } from 'forkless/worker';

const storage = new AsyncLocalStorage();
const [form, way] = process.argv.slice(2);
const clients = new Set();
let looks = 0;

function look(id, callback) {
  looks += 1;
  const found = storage.getStore();
  if (found !== undefined && found !== id) parentPort.postMessage({ foreign: callback, id, found });
}

function under(id, run) {
  if (way === 'run') return storage.run(id, run);
  storage.enterWith(id);
  return run();
}

const gone = (id, callback) => {
  look(id, callback);
  parentPort.postMessage({ gone: id, looks });
};

const raw = {
  connection: (socket) => {
    const id = socket.connectionId;
    const looking = (callback) => () => {
      look(id, callback);
    };
    look(id, 'connection');
    for (const event of ['end', 'drain', 'finish', 'pause', 'resume', 'error'])
      socket.on(event, looking(event));
    socket.on('close', () => {
      gone(id, 'close');
    });
    socket.on('data', (chunk) => {
      look(id, 'data');
      under(id, () => {
        socket.write(chunk, looking('write'));
        setImmediate(looking('setImmediate'));
      });
    });
  },
};

const client = {
  highMark: 2,
  lowMark: 1,
  heap: () => ({}),
  ...Object.fromEntries(
    ['clientPreConnect', 'clientFlushed', 'clientHigh', 'clientLow', 'clientError'].map((name) => [
      name,
      ({ client: { id } }) => {
        look(id, name);
      },
    ]),
  ),
  clientConnected: ({ client }) => {
    look(client.id, 'clientConnected');
    clients.add(client);
  },
  clientDisconnected: ({ client }) => {
    clients.delete(client);
    gone(client.id, 'clientDisconnected');
  },
  clientInput: async ({ client }, line) => {
    look(client.id, 'clientInput');
    if (line === 'twice') await under(client.id, () => new Promise((resolve) => setImmediate(resolve)));
    look(client.id, 'clientInput, later');
    under(client.id, () => {
      client.put(line);
      for (const other of clients) if (other !== client) other.put('x');
    });
  },
};

serve(form === 'raw' ? raw : client);
