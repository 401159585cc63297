// Where in the user's code an error comes from, for warnings.
import { fileURLToPath } from 'node:url';
import { FRAME } from '../../common/core/frame.ts';
import { fieldOf, isError, textOf } from '../../common/core/thrown.ts';

/**
 * The lines of an error's stack below name and message. If only the error's cause comes from code outside this package,
 * they are the lines of the cause. Empty where there are none.
 */
export function framesOf(error: unknown): readonly string[] {
  const own = ownFrames(error);
  let each = error;
  let frames = own;
  for (let deep = 0; deep < MOST_CAUSES && isError(each); deep += 1) {
    if (placeOf(frames) !== undefined) return frames;
    each = fieldOf(each, 'cause');
    frames = ownFrames(each);
  }
  return own;
}

const MOST_CAUSES = 4;

function ownFrames(error: unknown): readonly string[] {
  const stack = textOf(error, 'stack') ?? '';
  // The message may come from a peer, and may look like a frame.
  const head = `${textOf(error, 'name') ?? ''}: ${textOf(error, 'message') ?? ''}`;
  const body = stack.startsWith(head) ? stack.slice(head.length) : stack;
  const lines = body.slice(0, MOST_TEXT).split('\n');
  return lines.filter((line) => /^\s+at /.test(line));
}

const MOST_TEXT = 16_384;

/**
 * The file, line and column of the first frame that is neither Node's nor this package's. It is the user's, or that of
 * a package that the user called. `undefined` where there is none.
 */
export function placeOf(frames: readonly string[]): string | undefined {
  for (const frame of frames) {
    const place = readPlace(frame);
    if (place !== undefined && !isOurs(place)) return place;
  }
  return undefined;
}

// The folder of the built files, or of the sources. In a user's bundle, our code cannot be told from theirs.
const FOLDER = /^(file:.*\/)(?:preforking\.js|main\/prefork\/place\.ts)$/.exec(import.meta.url)?.[1];
const OURS = FOLDER === undefined ? undefined : fileURLToPath(FOLDER);

const isOurs = (place: string): boolean => OURS !== undefined && place.startsWith(OURS);

function readPlace(frame: string): string | undefined {
  // Code that was made by `eval`.
  if (frame.includes('(eval at ')) return undefined;
  const [, file, position] = FRAME.exec(frame) ?? [];
  if (file === undefined || position === undefined) return undefined;
  return `${shown(file)}${position}`;
}

const LONGEST_NAME = 200;

function shown(file: string): string {
  if (!file.startsWith('file:')) return file.length > LONGEST_NAME ? `${file.slice(0, LONGEST_NAME)}…` : file;
  try {
    // The path has no query, by which each worker of a test is told from the others.
    return fileURLToPath(file);
  } catch {
    return file;
  }
}
