import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLOSING,
  reasonOf,
  type Closer,
  type Closing,
  type ClosingState,
  type ClosingTask,
} from '../../../src/main/relay/closing.ts';

/** Lets sides close in the order given. */
function run(closers: readonly Closer[]): { readonly states: ClosingState[]; readonly tasks: ClosingTask[] } {
  let state: ClosingState = 'open';
  const states: ClosingState[] = [];
  const tasks: ClosingTask[] = [];
  for (const closer of closers) {
    const closing: Closing = CLOSING[closer][state];
    state = closing.to;
    states.push(closing.to);
    tasks.push(closing.task);
  }
  return { states, tasks };
}

describe('the closing of a relayed connection', () => {
  it.each([
    [
      ['worker', 'stream'],
      ['lingering', 'closed'],
      ['linger', 'closed'],
    ],
    [
      ['stream', 'worker'],
      ['stream-closed', 'closed'],
      ['tell', 'closed'],
    ],
    [
      ['worker', 'worker', 'stream'],
      ['lingering', 'lingering', 'closed'],
      ['linger', 'nothing', 'closed'],
    ],
    [
      ['stream', 'stream', 'worker'],
      ['stream-closed', 'stream-closed', 'closed'],
      ['tell', 'nothing', 'closed'],
    ],
  ] as const)('by %j goes through %j and asks for %j', (closers, states, tasks) => {
    expect(run(closers)).toEqual({ states, tasks });
  });

  it('is over exactly once, as soon as both sides have closed, in every order', () => {
    const sides = fc.array(fc.constantFrom<Closer>('worker', 'stream'), { maxLength: 8 });
    fc.assert(
      fc.property(sides, (closers) => {
        const { states, tasks } = run(closers);
        const both = closers.findIndex((_, index) => new Set(closers.slice(0, index + 1)).size === 2);
        expect(tasks.indexOf('closed')).toBe(both);
        expect(tasks.filter((task) => task === 'closed')).toHaveLength(both === -1 ? 0 : 1);
        expect(states.indexOf('closed')).toBe(both);
        // Each side's closing is passed on once at most, and never after the other has closed.
        expect(tasks.filter((task) => task === 'linger' || task === 'tell').length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

it.each([
  [{ handler: true, reset: true, dropped: 1 }, 'handler-error'],
  [{ reset: true, dropped: 1 }, 'reset'],
  [{ dropped: 1 }, 'output-dropped'],
  [{}, 'peer-error'],
] as const)('calls a close of %j %s', (frame, reason) => {
  expect(reasonOf(frame)).toBe(reason);
});
