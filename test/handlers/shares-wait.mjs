// Depends on a module that is not ready at once.
import './waits.mjs';
import { serve } from 'forkless/worker';

serve({ connection: () => undefined });
