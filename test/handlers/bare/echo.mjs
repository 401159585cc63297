// Tells who it is, answers every message with itself, and leaves when told to.
import { isMainThread, resourceLimits, threadId } from 'node:worker_threads';
import { bootSlot } from '../../../dist/alone/boot.js';
import { leaveThread } from '../../../dist/alone/leave.js';

const { port, settings, url } = bootSlot();
process.on('exit', () => port.postMessage('bye'));
port.on('message', (message) => {
  if (message === 'leave') leaveThread();
  else port.postMessage({ echo: message }, message?.transfer ?? []);
});
port.postMessage({
  threadId,
  isMainThread,
  url,
  loaded: import.meta.url,
  settings,
  limit: resourceLimits.maxOldGenerationSizeMb,
  env: process.env.COLOUR,
  hole: 'HOLE' in process.env,
  argv: process.argv.slice(2),
  execArgv: process.execArgv,
});
