// Each line is sent to the main thread on the very port that carries lane and control messages.
import { bootSlot } from '../../dist/alone/boot.js';
import { serve } from 'forkless/worker';

const { port } = bootSlot();
const junk = {
  frame: () => new Uint8Array([255, 255, 255, 255, 4, 0, 0, 0, 1, 0, 0, 0]),
  cut: () => new Uint8Array(7),
  claim: () => new Uint8Array([0, 0, 0, 0, 2, 0, 0, 0, 99, 0, 0, 0]),
  message: () => ({ kind: 'beat', open: -1 }),
  nothing: () => null,
};

serve({
  clientConnected: ({ client, worker }) => {
    client.put(`welcome ${worker.id}`);
  },
  clientInput: (_, line) => {
    for (let n = 0; n < 1_000; n += 1) port.postMessage(junk[line]());
  },
});
