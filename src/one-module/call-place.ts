// Either thread: where a call stands is the same in both.
import { fileURLToPath } from 'node:url';
import { fieldOf, textOf } from '../common/core/thrown.ts';
import { type CallPlace } from '../common/core/module-call.ts';

type Front = (...given: never[]) => unknown;

// Enough to come from the call to the top of its module.
const DEEPEST = 30;

/** Where `front`, a public function that is on the stack, was called by this module. */
export function placeOfCall(front: Front, module: string): CallPlace {
  const site = {};
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = DEEPEST;
  Error.captureStackTrace(site, front);
  const stack = textOf(site, 'stack') ?? '';
  Error.stackTraceLimit = before;
  // Whether one that waits is on the stack depends on who was faster.
  const frames = stack.split('\n').filter((line) => /^\s+at (?!async )/.test(line));
  const places = frames.flatMap((frame) => placeOfFrame(frame) ?? []);
  // Who has loaded the module is another one in a worker.
  const own = fileOf(module);
  const top = places.findLastIndex((place) => place.replace(/:\d+:\d+$/, '') === own);
  const within = places.slice(0, top < 0 ? 1 : top + 1);
  return { at: within[0] ?? '', path: within.join('\n'), exact: isExact() };
}

// A test runner that transforms modules has stacks written by itself, and of what it maps back only the lines are certain.
function isExact(): boolean {
  const writer = fieldOf(Error, 'prepareStackTrace');
  return writer === undefined || textOf(writer, 'name') === 'ErrorPrepareStackTrace';
}

const FRAME = /(?:^|[\s(])((?:file:|data:|\/|[A-Za-z]:\\).*?)(:\d+:\d+)\)?$/;

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
