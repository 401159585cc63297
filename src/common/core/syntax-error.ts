/** Reads in the stack of a SyntaxError where the faulty code is. Used in both threads. */
import { textOf } from './thrown.ts';

/** The place of the code that is none, where the stack of a SyntaxError begins with it; Node prints it so. */
export function placeOfSyntaxError(error: unknown): string | undefined {
  if (textOf(error, 'name') !== 'SyntaxError') return undefined;
  return /^(?!SyntaxError)(\S.*:\d+)\r?\n/.exec(textOf(error, 'stack') ?? '')?.[1];
}

/** Whether it is a SyntaxError whose stack says nothing about the code: neither such a place nor a frame of the user's. */
export function isUnplaced(error: unknown): boolean {
  const stack = textOf(error, 'stack') ?? '';
  // A SyntaxError that is thrown at run time, as by JSON.parse(), has the frames of its callers.
  return (
    textOf(error, 'name') === 'SyntaxError' && stack.startsWith('SyntaxError') && !FRAME_OF_USER.test(stack)
  );
}

const FRAME_OF_USER = /^\s+at\s(?:.*[\s(])?(?:file:|data:|\/|[A-Za-z]:\\)/m;
