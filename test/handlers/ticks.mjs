// Has a timer that nobody ever clears.
import { serve } from 'forkless/worker';

setInterval(() => (globalThis.ticks = (globalThis.ticks ?? 0) + 1), 1);
serve({ connection: () => undefined });
