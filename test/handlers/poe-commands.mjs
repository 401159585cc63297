// The ancestor's synopsis with more commands: each line says what to do.
import { PreforkTCP } from 'forkless/poe';

const commands = {
  quit: ({ kernel }) => kernel.yield('shutdown'),
  exit: ({ heap, kernel }) => {
    kernel.yield('shutdown');
    kernel.post(heap.master_alias, 'shutdown');
  },
  kill: () => process.exit(1),
  pause: ({ heap, kernel }) => kernel.post(heap.master_alias, 'pause'),
  resume: ({ heap, kernel }) => kernel.post(heap.master_alias, 'resume'),
  all: ({ heap, kernel }) => kernel.post(heap.master_alias, 'shutdown_all'),
  greet: ({ kernel }) => kernel.yield('greet', 'now'),
  later: ({ kernel }) => kernel.delay('greet', 0.01, 'later'),
  die: () => {
    throw new TypeError('died on demand');
  },
  'die later': ({ kernel }) => kernel.yield('die'),
  print: () => console.log('1 1 grace_exit 0'),
  ip: ({ heap }) => void heap.client.put(`you are ${heap.remote_ip}`),
};

await PreforkTCP(import.meta.url, {
  ClientConnected: ({ heap, kernel }) => {
    heap.client.put(`welcome${kernel.ID} !`);
  },
  ClientInput: (call) => {
    const { heap, kernel, arg0: line } = call;
    heap.client.put(`${kernel.ID} : ${line}`);
    commands[line]?.(call);
  },
  InlineStates: {
    greet: ({ heap, arg0 }) => {
      heap.client.put(`greeted ${arg0}`);
    },
    die: () => {
      throw new RangeError('died in an event');
    },
  },
});
