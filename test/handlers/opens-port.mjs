// Opens a port of its own and never closes it.
import { createServer } from 'node:net';
import { serve } from 'forkless/worker';

const port = createServer().listen(0);
(globalThis.openPorts ??= []).push(port);
serve({ connection: () => undefined });
