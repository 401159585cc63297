import { bootSlot } from '../../../dist/transport/boot.js';

bootSlot().port.postMessage('busy');
setTimeout(() => {
  for (;;);
}, 1);
