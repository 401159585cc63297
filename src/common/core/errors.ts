/** The error class of this package, its codes, and the message of each error. Used in both threads. */
import { knownAre } from './nearest.ts';
import { messageOf, show } from './thrown.ts';
import { type Millis } from './types.ts';

/** One code per cause; the messages below say which. */
export type ErrorCode =
  | 'FORKLESS_BAD_OPTION'
  | 'FORKLESS_UNKNOWN_OPTION'
  | 'FORKLESS_FIXED_OPTION'
  | 'FORKLESS_BAD_HANDLERS'
  | 'FORKLESS_BAD_PARAMETER'
  | 'FORKLESS_EVENTS_OVERFLOW'
  | 'FORKLESS_WRONG_STATE'
  | 'FORKLESS_NO_SUCH_METHOD'
  | 'FORKLESS_NOT_A_WORKER'
  | 'FORKLESS_BOOT_FAILED'
  | 'FORKLESS_BOOT_TIMEOUT'
  | 'FORKLESS_RELOAD_FAILED'
  | 'FORKLESS_NO_SUCH_WORKER'
  | 'FORKLESS_BAD_FRAME'
  | 'FORKLESS_DISPATCH_FAILED'
  | 'FORKLESS_LINE_TOO_LONG'
  | 'FORKLESS_BLOCK_TOO_LONG'
  | 'FORKLESS_BAD_BLOCK_LENGTH'
  | 'FORKLESS_BAD_REFERENCE'
  | 'FORKLESS_BAD_REQUEST'
  | 'FORKLESS_BAD_RESPONSE'
  | 'FORKLESS_BAD_STACK'
  | 'FORKLESS_INPUT_OVERFLOW'
  | 'FORKLESS_OUTPUT_OVERFLOW'
  | 'FORKLESS_MESSAGES_OVERFLOW'
  | 'FORKLESS_TLS_IN_MAIN'
  | 'FORKLESS_NOT_SETTLED'
  | 'FORKLESS_LEFT_BEHIND'
  | 'FORKLESS_HANDLER_ERROR'
  | 'FORKLESS_ABORTED';

/** The one error class of this package; tell causes apart by `code`. */
export class ForklessError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ForklessError';
    this.code = code;
  }
}

export const errors: {
  badOption(name: string, expected: string, given: unknown): ForklessError;
  unknownOption(name: string, known: readonly string[], what?: string): ForklessError;
  strayHandler(name: string): ForklessError;
  strayWorker(): ForklessError;
  besideWorkers(name: string, given: unknown, workers: unknown, allowed: string): ForklessError;
  fixedOption(name: string, changeable: readonly string[]): ForklessError;
  nowhereToListen(): ForklessError;
  badHandlers(message: string): ForklessError;
  replacedHandler(name: string): ForklessError;
  samePlace(place: string): ForklessError;
  badParameter(why: string): ForklessError;
  eventsOverflow(limit: number): ForklessError;
  wrongState(call: string, state: string): ForklessError;
  strangerCalled(name: string, instead: string): ForklessError;
  notAWorker(call: string): ForklessError;
  bootFailed(url: string, what: string, cause?: unknown): ForklessError;
  bootTimeout(url: string, limit: Millis): ForklessError;
  reloadFailed(cause: unknown): ForklessError;
  noSuchWorker(id: unknown): ForklessError;
  badFrame(what: string): ForklessError;
  dispatchFailed(what: string, cause?: unknown): ForklessError;
  lineTooLong(length: number, limit: number): ForklessError;
  blockTooLong(length: number, limit: number): ForklessError;
  badBlockLength(what: string, cause?: unknown): ForklessError;
  badReference(what: string, cause?: unknown): ForklessError;
  badRequest(status: number, what: string): ForklessError;
  badResponse(what: string): ForklessError;
  badStack(what: string): ForklessError;
  inputOverflow(waiting: number, limit: number): ForklessError;
  outputOverflow(waiting: number, limit: number): ForklessError;
  messagesOverflow(limit: number): ForklessError;
  tlsInMain(call: string): ForklessError;
  notSettled(call: string, limit: Millis, why: string): ForklessError;
  leftBehind(what: readonly string[]): ForklessError;
  handlerError(callback: string, worker: number, more: number, cause: Error): ForklessError;
  aborted(cause: unknown): ForklessError;
} = {
  badOption: (name, expected, given) =>
    new ForklessError('FORKLESS_BAD_OPTION', `Expected \`${name}\` to be ${expected}, got ${show(given)}`),
  unknownOption: (name, known, what = 'option') =>
    new ForklessError('FORKLESS_UNKNOWN_OPTION', `Unknown ${what} \`${name}\`${knownAre(name, known)}`),
  strayHandler: (name) =>
    new ForklessError(
      'FORKLESS_UNKNOWN_OPTION',
      `\`${name}\` is a handler and no option: give it to serve() in the worker module, or to prefork()`,
    ),
  strayWorker: () =>
    new ForklessError(
      'FORKLESS_UNKNOWN_OPTION',
      '`worker` is an option of createPrefork(); the module of prefork() is its first argument',
    ),
  besideWorkers: (name, given, workers, allowed) =>
    new ForklessError(
      'FORKLESS_BAD_OPTION',
      `\`${name}\` (${show(given)}) contradicts \`workers\` (${show(workers)}), ${allowed}. Give \`workers\` alone, as a number or a range like '2..8'`,
    ),
  nowhereToListen: () =>
    new ForklessError(
      'FORKLESS_BAD_OPTION',
      'Expected `port`, `path` or `fd` to listen on (port 0 takes any free one), got none of them',
    ),
  fixedOption: (name, changeable) =>
    new ForklessError(
      'FORKLESS_FIXED_OPTION',
      `Option \`${name}\` is fixed while the prefork runs; configure() changes: ${changeable.join(', ')}`,
    ),
  badHandlers: (message) => new ForklessError('FORKLESS_BAD_HANDLERS', message),
  replacedHandler: (name) =>
    new ForklessError(
      'FORKLESS_BAD_HANDLERS',
      `Beside \`...http(app)\`, another \`${name}\` has taken the place of its own. Give yours to http(app, { ${name} })`,
    ),
  samePlace: (place) =>
    new ForklessError(
      'FORKLESS_BAD_HANDLERS',
      `A prefork of this module with other handlers was begun ${place === '' ? 'before' : `at ${place} before`}, and its workers cannot tell which of them is theirs: make the handlers once, outside of the loop or function, or give each prefork a worker module of its own, with createPrefork()`,
    ),
  badParameter: (why) => new ForklessError('FORKLESS_BAD_PARAMETER', `PreforkTCP ${why}`),
  eventsOverflow: (limit) =>
    new ForklessError(
      'FORKLESS_EVENTS_OVERFLOW',
      `${limit} events wait for one session (limit \`MaxEvents\`)`,
    ),
  wrongState: (call, state) =>
    new ForklessError('FORKLESS_WRONG_STATE', `${call} is not possible while the prefork is ${state}`),
  strangerCalled: (name, instead) =>
    new ForklessError(
      'FORKLESS_NO_SUCH_METHOD',
      `A client is no socket and has no ${name}(): use ${instead}. The stream under it is \`client.socket\``,
    ),
  notAWorker: (call) =>
    new ForklessError(
      'FORKLESS_NOT_A_WORKER',
      `${call} belongs into a module that a prefork loads in its workers, but this is not one of them`,
    ),
  bootFailed: (url, what, cause) =>
    new ForklessError('FORKLESS_BOOT_FAILED', `The worker module ${url} ${what}`, cause),
  bootTimeout: (url, limit) =>
    new ForklessError(
      'FORKLESS_BOOT_TIMEOUT',
      `The worker module ${url} was not ready within ${limit} ms: it never called serve() or prefork(), or its \`workerStarted\` did not end`,
    ),
  reloadFailed: (cause) =>
    new ForklessError(
      'FORKLESS_RELOAD_FAILED',
      'The new generation did not boot; the old one serves on',
      cause,
    ),
  noSuchWorker: (id) => new ForklessError('FORKLESS_NO_SUCH_WORKER', `There is no worker ${show(id)}`),
  badFrame: (what) => new ForklessError('FORKLESS_BAD_FRAME', `Bad frame on a lane: ${what}`),
  dispatchFailed: (what, cause) =>
    new ForklessError('FORKLESS_DISPATCH_FAILED', `The \`dispatch\` function ${what}`, cause),
  lineTooLong: (length, limit) =>
    new ForklessError('FORKLESS_LINE_TOO_LONG', `A line of ${length} bytes or more (limit ${limit})`),
  blockTooLong: (length, limit) =>
    new ForklessError('FORKLESS_BLOCK_TOO_LONG', `A block of ${length} bytes (limit ${limit})`),
  badBlockLength: (what, cause) =>
    new ForklessError('FORKLESS_BAD_BLOCK_LENGTH', `Expected the length of a block, got ${what}`, cause),
  badReference: (what, cause) => new ForklessError('FORKLESS_BAD_REFERENCE', `A reference ${what}`, cause),
  badRequest: (status, what) =>
    new ForklessError('FORKLESS_BAD_REQUEST', `HTTP request refused by ${status}: ${what}`),
  badResponse: (what) => new ForklessError('FORKLESS_BAD_RESPONSE', `HTTP response with ${what}`),
  badStack: (what) =>
    new ForklessError('FORKLESS_BAD_STACK', `The bottom of a stack of filters gave ${what}, not bytes`),
  inputOverflow: (waiting, limit) =>
    new ForklessError(
      'FORKLESS_INPUT_OVERFLOW',
      `${waiting} bytes of input wait in a filter (limit ${limit})`,
    ),
  outputOverflow: (waiting, limit) =>
    new ForklessError(
      'FORKLESS_OUTPUT_OVERFLOW',
      `${waiting} bytes of output wait for a client that does not read (limit ${limit})`,
    ),
  messagesOverflow: (limit) =>
    new ForklessError(
      'FORKLESS_MESSAGES_OVERFLOW',
      `${limit} messages of this worker wait for the main thread (limit \`maxWorkerMessages\`)`,
    ),
  tlsInMain: (call) =>
    new ForklessError(
      'FORKLESS_TLS_IN_MAIN',
      `${call} is not known in a worker while TLS ends in the main thread; with \`tls.in: 'worker'\` it is`,
    ),
  notSettled: (call, limit, why) =>
    new ForklessError('FORKLESS_NOT_SETTLED', `${call} waited for ${limit} ms of real time: ${why}`),
  leftBehind: (what) =>
    new ForklessError('FORKLESS_LEFT_BEHIND', `The workers left something behind: ${what.join('; ')}`),
  handlerError: (callback, worker, more, cause) =>
    new ForklessError(
      'FORKLESS_HANDLER_ERROR',
      `\`${callback}\` of worker ${worker} failed${more === 0 ? '' : ` (and ${more} more)`}, and nobody listened to \`handlerError\`: ${messageOf(cause)}`,
      cause,
    ),
  aborted: (cause) => new ForklessError('FORKLESS_ABORTED', 'The AbortSignal was aborted', cause),
};
