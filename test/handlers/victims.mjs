// Raw echo that can be made to fail: the first byte of a connection orders a fault; and where MOOD says `throws`, the
// module does when it is loaded.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { serve } from 'forkless/worker';

if (readFileSync(process.env.MOOD, 'utf8') === 'throws') throw new Error('broken on purpose');

const kept = [];

const faults = {
  0xf0: () => process.exit(1),
  0xf1: () => {
    for (;;);
  },
  0xf2: async () => {
    await null;
    for (;;) kept.push(new Array(100_000).fill(1.5));
  },
  0xf3: () => {
    setImmediate(() => {
      throw new RangeError('stray');
    });
  },
  0xf4: () => void Promise.reject(new RangeError('rejected astray')),
  // Slow, but well.
  0xf5: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300),
  0xf6: (socket) => socket.destroy(new TypeError('destroyed on demand')),
  0xf7: (_, worker) => worker.retire(),
  // Cannot be killed for so long.
  0xf8: () => void execFileSync('sleep', ['3']),
};

serve({
  connection: (socket, worker) => {
    socket.once('data', ([first]) => void faults[first]?.(socket, worker));
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  },
});
