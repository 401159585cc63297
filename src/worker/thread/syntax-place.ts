/** Finds where in the source of a worker a SyntaxError lies, and tells that in its stack. */
import { readFile } from 'node:fs/promises';
import { isUnplaced } from '../../common/core/syntax-error.ts';
import { fieldOf, isError, textOf } from '../../common/core/thrown.ts';

/**
 * Begins the stack of a SyntaxError with the place of the code that is none, as Node does for CommonJS. For an ES module
 * Node tells only the inspector, and that only line and column: the file is `url` where that one has the same error.
 */
export async function placeSyntaxError(thrown: unknown, url: string): Promise<void> {
  if (!isUnplaced(thrown)) return;
  try {
    const position = await positionOf(thrown);
    if (position === undefined) return;
    const isOfUrl = position === (await positionOf(await errorOfSource(url)));
    const place = `${isOfUrl ? url : 'a module that it loads'}:${position}`;
    Reflect.set(thrown as object, 'stack', `${place}\n\n${textOf(thrown, 'stack')}`);
  } catch {
    // A Node without an inspector, or a module that is no file.
  }
}

type Post = (method: string, params: object) => unknown;

/** Line and column, counted from 1. */
async function positionOf(thrown: unknown): Promise<string | undefined> {
  if (!isError(thrown) || !isUnplaced(thrown)) return undefined;
  const { Session } = await import('node:inspector');
  const session = new Session();
  session.connect();
  try {
    const details = detailsOf(thrown, (method, params) => {
      let answer: unknown;
      // Within one thread the answer comes at once.
      session.post(method, params, (_, given) => (answer = given));
      return answer;
    });
    const [line, column] = [fieldOf(details, 'lineNumber'), fieldOf(details, 'columnNumber')];
    return typeof line === 'number' && line >= 0 ? `${line + 1}:${Number(column) + 1}` : undefined;
  } finally {
    session.disconnect();
  }
}

// An expression of the inspector's reaches the error by this name alone, and only for this turn.
const NAME = 'forklessSyntaxError';

function detailsOf(thrown: Error, post: Post): unknown {
  Object.defineProperty(globalThis, NAME, { value: thrown, configurable: true });
  try {
    const found = fieldOf(post('Runtime.evaluate', { expression: NAME }), 'result');
    const errorObjectId = fieldOf(found, 'objectId');
    return fieldOf(post('Runtime.getExceptionDetails', { errorObjectId }), 'exceptionDetails');
  } finally {
    Reflect.deleteProperty(globalThis, NAME);
  }
}

// Nobody can load it: a module that is no SyntaxError fails for this import, and no line of it runs.
const NEVER_LOADS = '\n;import "forkless:nothing";';

/** What the module fails by when it is parsed, and never run. */
async function errorOfSource(url: string): Promise<unknown> {
  const source = await readFile(new URL(url), 'utf8');
  try {
    await import(`data:text/javascript,${encodeURIComponent(source + NEVER_LOADS)}`);
    return undefined;
  } catch (error) {
    return error;
  }
}
