// The main thread.
import { urlOfCall } from '../common/core/module-call.ts';
import { framesOf, placeOf } from '../main/prefork/place.ts';

/** One call of `prefork()` in the main thread. */
interface Call {
  /** The line of the user's that made it; `undefined` where that cannot be told. */
  readonly place: string | undefined;
  /** The names of its handlers, and their texts. */
  readonly handlers: string;
  isOver: () => boolean;
}

/** By the URLs of their modules. */
const calls = new Map<string, Call[]>();

/**
 * The URL by which the workers of this call load their module. A worker runs the module anew, and comes by all its calls
 * of `prefork()`: the number says which of them is its own. Where a prefork is closed and the same line begins another with
 * handlers of the same text, that one takes its number, for the worker comes by that line once. `isOver` says whether the
 * prefork is closed.
 */
export function numbered(url: string, given: object, isOver: () => boolean): string {
  const handlers = textOf(given);
  const place = placeOf(framesOf(new Error('here')));
  const before = calls.get(url) ?? [];
  const again = before.findIndex(
    (call) => call.place === place && call.handlers === handlers && call.isOver(),
  );
  const at = again < 0 ? before.length : again;
  before[at] = { place, handlers, isOver };
  calls.set(url, before);
  return urlOfCall(url, at + 1);
}

const textOf = (handlers: object): string =>
  Object.entries(handlers)
    .map(([name, value]: [string, unknown]) =>
      typeof value === 'function' ? `${name}: ${Function.prototype.toString.call(value)}` : name,
    )
    .join('\n');
