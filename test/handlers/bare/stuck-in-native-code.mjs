import { spawnSync } from 'node:child_process';
import { bootSlot } from '../../../dist/alone/boot.js';

bootSlot().port.postMessage('stuck');
setTimeout(() => spawnSync(process.execPath, ['-e', 'setTimeout(() => undefined, 2000)']), 1);
