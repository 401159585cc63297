import { parentPort } from 'node:worker_threads';
import { bootSlot } from '../../../dist/alone/boot.js';
import { guardParentPort } from '../../../dist/alone/parent-port.js';

const boot = bootSlot();
const { port } = boot;
guardParentPort(boot);
const bytes = new Uint8Array([1, 2, 3]).buffer;
parentPort.postMessage(null);
parentPort.postMessage({ some: 'object' });
parentPort.postMessage(bytes, [bytes]);
parentPort.postMessage({ left: bytes.byteLength }, { transfer: [] });
port.on('message', () => undefined);
