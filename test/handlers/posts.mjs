// `flood`: posts to the main thread as fast as it can, a million times or until it may not, and says how far it came.
// `stubborn`: goes on posting for a second whatever it is told. `odd`: what cannot be posted. Others: one message each.
import { parentPort } from 'node:worker_threads';
import { serve } from 'forkless/worker';

const text = 'x'.repeat(1_000);

const post = (value) => {
  try {
    parentPort.postMessage(value);
    return undefined;
  } catch (error) {
    return error;
  }
};

const flood = () => {
  let taken = 0;
  for (; taken < 1_000_000; taken += 1) {
    const error = post(text);
    if (error) return `${taken} ${error.code}`;
  }
  return taken;
};

process.on('exit', () => post('last'));

const stubborn = () => {
  let taken = 0;
  for (const end = performance.now() + 1_000; performance.now() < end;) if (!post(text)) taken += 1;
  return taken;
};

serve({
  clientInput: ({ client }, line) => {
    if (line === 'flood') client.put(`took ${flood()}`);
    else if (line === 'stubborn') client.put(`took ${stubborn()}`);
    else if (line === 'odd') client.put(`threw ${post(() => undefined)?.name}`);
    else if (line === 'leave') process.exit();
    else {
      parentPort.postMessage(line);
      client.put(`posted ${line}`);
    }
  },
});
