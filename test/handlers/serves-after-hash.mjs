// Serves when a hash is made that takes longer than a thread with nothing under way is waited for.
import { scrypt } from 'node:crypto';
import { serve } from 'forkless/worker';

const cost = { N: 2 ** 17, r: 8, p: 10, maxmem: 2 ** 30 };
scrypt('word', 'salt', 32, cost, () => serve({ clientInput: ({ client }, line) => void client.put(line) }));
