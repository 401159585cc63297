// Serves, and has left the call of `listen()` in that it had before.
import { createServer } from 'node:http';
import { serve } from 'forkless/worker';

const { TAKEN, ADDRESS } = process.env;
serve({ clientInput: ({ client }, line) => void client.put(line) });
createServer().listen(...[Number(TAKEN), ADDRESS].filter(Boolean));
