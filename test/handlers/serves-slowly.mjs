// Serves only after longer than a thread with nothing under way is waited for.
import { serve } from 'forkless/worker';

setTimeout(() => serve({ clientInput: ({ client }, line) => void client.put(line) }), 2_500);
