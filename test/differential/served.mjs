// The side under test: a worker of forkless.
import { serve } from 'forkless/worker';
import { hearOf, play } from './part.mjs';

hearOf(process.argv[2]);
serve({ connection: play });
