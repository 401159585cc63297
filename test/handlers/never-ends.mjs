// Has a handler whose promise never settles.
import { serve } from 'forkless/worker';

serve({ clientInput: () => new Promise(() => undefined) });
