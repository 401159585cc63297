import { afterEach, describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/poe/event-queue.ts';

let queue: EventQueue;

afterEach(() => {
  queue.close();
});

/** Holds the thread for longer than a delay, as a late one. */
const block = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() < until;);
};

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe('events that wait for a session', () => {
  it('come in the order in which they are due, also in a thread that is late', async () => {
    queue = new EventQueue(10);
    const told: string[] = [];
    // Posted within a turn of immediates, an event waits for the next one, and the timers come before that.
    await turn();
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        queue.post(() => told.push('posted'));
        queue.delay('later', 5, () => {
          told.push('delayed');
          resolve();
        });
        block(10);
      });
    });
    expect(told).toEqual(['posted', 'delayed']);
  });

  it('can be cancelled while they wait for events that were due before', async () => {
    queue = new EventQueue(10);
    const told: string[] = [];
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        queue.post(() => {
          told.push('posted');
          queue.cancel('later');
          resolve();
        });
        queue.delay('later', 5, () => told.push('delayed'));
        block(10);
      });
    });
    await turn();
    await turn();
    expect(told).toEqual(['posted']);
  });
});
