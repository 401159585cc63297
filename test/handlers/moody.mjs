// The file named by MOOD says how this module behaves when it is loaded.
import { readFileSync } from 'node:fs';
import { serve } from 'forkless/worker';

const [mood, path] = readFileSync(process.env.MOOD, 'utf8').split(' ');

if (mood === 'throws') throw new Error('broken on purpose');
if (mood === 'loops') for (;;);
if (mood === 'native') readFileSync(path);
if (mood !== 'mute') {
  serve({
    workerStarted: () => {
      if (mood === 'dies') setTimeout(() => process.exit(1), 30);
    },
    clientConnected: ({ client, worker }) => {
      if (mood === 'shy') process.exit(1);
      client.put(`welcome ${worker.id}`);
    },
    clientInput: ({ client }, line) => {
      if (line === 'kill') process.exit(1);
      if (line === 'throw its own cause')
        setImmediate(() => {
          const error = new Error('its own cause');
          error.cause = error;
          throw error;
        });
      client.put(line);
    },
  });
} else setInterval(() => undefined, 1_000);
