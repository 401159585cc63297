// Stands at a breakpoint when it is told to, and says when it goes on.
import { bootSlot } from '../../../dist/alone/boot.js';

const { port } = bootSlot();
port.on('message', () => {
  port.postMessage('stops');
  // eslint-disable-next-line no-debugger
  debugger;
  port.postMessage('went on');
});
port.postMessage('up');
