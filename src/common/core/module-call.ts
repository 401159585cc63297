const MARK = '#forkless-call-';

/** The URL of a module for the workers of its call of `prefork()` with that number, counted from 1. */
export const urlOfCall = (module: string, number: number): string =>
  number === 1 ? module : `${module}${MARK}${number}`;

/** The module of such a URL, and the number of the call. */
export function callOf(url: string): { readonly module: string; readonly number: number } {
  const at = url.indexOf(MARK);
  if (at < 0) return { module: url, number: 1 };
  return { module: url.slice(0, at), number: Number(url.slice(at + MARK.length)) };
}

/** What to do where the worker of a later call never comes by it. */
export const LATE_CALL =
  'What follows an awaited prefork() does not run in workers: begin all of a module before the first is awaited, or give each a module of its own, with createPrefork()';
