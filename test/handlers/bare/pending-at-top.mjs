import { bootSlot } from '../../../dist/alone/boot.js';

bootSlot().port.postMessage('pending');
setInterval(() => undefined, 1000);
await new Promise(() => undefined);
