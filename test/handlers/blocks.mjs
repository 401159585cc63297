import { serve } from 'forkless/worker';
import { BlockFilter } from 'forkless/filters';

// Bad input ends nobody's connection, and nothing here hears of it.
serve({
  clientFilter: new BlockFilter(),
  clientShutdownOnError: false,
  clientInput: ({ client }, block) => {
    client.put(block);
  },
});
