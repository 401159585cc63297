// Answers with how many of the connections' async resources are alive, as a tool sees it that follows them.
import { createHook } from 'node:async_hooks';
import { serve } from 'forkless/worker';

const alive = new Set();
createHook({
  init: (id, type) => {
    if (type === 'FORKLESSCONNECTION') alive.add(id);
  },
  destroy: (id) => alive.delete(id),
}).enable();

serve({ clientInput: ({ client }) => void client.put(String(alive.size)) });
