// The second connection that a worker of an even number claims makes it hang in that very moment, for half a second.
import { serve } from 'forkless/worker';

const HANG = 500;
const compareExchange = Atomics.compareExchange;
let claims = 0;
let even = false;

Atomics.compareExchange = (...given) => {
  const result = compareExchange(...given);
  if (even && result === given[2] && (claims += 1) === 2)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HANG);
  return result;
};

serve({
  workerStarted: (worker) => {
    even = worker.id % 2 === 0;
  },
  connection: (socket, worker) => socket.write(`welcome ${worker.id}\n`),
});
