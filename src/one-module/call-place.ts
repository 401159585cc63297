/** Finds where in its module a call of `prefork()` stands. Used in both threads. */
import { fileURLToPath } from 'node:url';
import { FRAME } from '../common/core/frame.ts';
import { fieldOf, textOf } from '../common/core/thrown.ts';
import { type CallPlace } from '../common/core/module-call.ts';

type Front = (...given: never[]) => unknown;

// Enough to come from the call to the top of its module.
const DEEPEST = 30;

/**
 * Where `front`, a public function that is on the stack, was called by this module; `undefined` where another module has
 * called it for this one, which then has a call of its own.
 */
export function placeOfCall(front: Front, module: string): CallPlace | undefined {
  const site = {};
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = DEEPEST;
  Error.captureStackTrace(site, front);
  const stack = textOf(site, 'stack') ?? '';
  Error.stackTraceLimit = before;
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  const own = fileOf(module);
  const isOwn = (place: string): boolean => place.replace(/:\d+:\d+$/, '') === own;
  if (frames.length > 0 && !placesOf(frames).some(isOwn)) return undefined;
  // Whether one that waits is on the stack depends on who was faster.
  const places = placesOf(frames.filter((frame) => !/^\s+at async /.test(frame)));
  // The loader of the module is another one in a worker.
  const top = places.findLastIndex(isOwn);
  const within = places.slice(0, top < 0 ? 1 : top + 1);
  return { at: within[0] ?? '', path: within.join('\n'), exact: isExact() };
}

// A test runner that transforms modules has stacks written by itself, and of what it maps back only the lines are certain.
function isExact(): boolean {
  const writer = fieldOf(Error, 'prepareStackTrace');
  return writer === undefined || textOf(writer, 'name') === 'ErrorPrepareStackTrace';
}

const placesOf = (frames: readonly string[]): string[] =>
  frames.flatMap((frame) => placeOfFrame(frame) ?? []);

function placeOfFrame(frame: string): string | undefined {
  const [, file, position] = FRAME.exec(frame) ?? [];
  return file === undefined || position === undefined ? undefined : `${fileOf(file)}${position}`;
}

// Without query and fragment, by which a worker's module may be told from others.
function fileOf(url: string): string {
  if (url.startsWith('data:')) return 'data:';
  try {
    return url.startsWith('file:') ? fileURLToPath(url) : url;
  } catch {
    return url;
  }
}
