// Serves only once something else is ready.
import { serve } from 'forkless/worker';

setTimeout(() => serve({ clientInput: ({ client }, line) => void client.put(line) }), 20);
