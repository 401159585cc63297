import { serve } from 'forkless/worker';
import { serveSocket } from './app.mjs';

serve({ connection: serveSocket });
