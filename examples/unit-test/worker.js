// A guessing game, one secret per connection. Run it with any main.js, test it with worker.test.js.
import { serve } from 'forkless/worker';

const secretOf = (id) => (id % 10) + 1;

serve({
  heap: () => ({ tries: 0 }),
  clientConnected: ({ client }) => {
    client.put('Guess a number from 1 to 10.');
  },
  clientInput: ({ client, heap }, line) => {
    heap.tries += 1;
    const guess = Number(line);
    if (!Number.isInteger(guess)) throw new TypeError(`no number: ${line}`);
    if (guess !== secretOf(client.id)) client.put(guess < secretOf(client.id) ? 'more' : 'less');
    else {
      client.put(`yes, after ${heap.tries}`);
      client.shutdown();
    }
  },
  clientError: ({ client }, { error }) => {
    if (error instanceof TypeError) client.put(error.message);
  },
});
