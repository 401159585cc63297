import { bootSlot } from '../../../dist/alone/boot.js';

bootSlot().port.postMessage('busy');
setTimeout(() => {
  for (;;);
}, 1);
