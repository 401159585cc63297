import { serve } from 'forkless/worker';

serve({ clientInput: ({ client }, line) => void client.put(line) });
throw new Error('right after serve()');
