import { bootSlot } from '../../../dist/alone/boot.js';

const { port } = bootSlot();
for (let word = 1; word <= 5000; word++) port.postMessage(word);
process.exit(3);
