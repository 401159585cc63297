/** The names of all keys that handlers may have. Used in both threads. */

/** The handlers that are functions. */
export const FUNCTION_NAMES: readonly string[] = [
  'heap',
  'clientPreConnect',
  'clientConnected',
  'clientInput',
  'clientFlushed',
  'clientHigh',
  'clientLow',
  'clientError',
  'clientDisconnected',
  'workerStarted',
  'workerStopping',
  'connection',
];

/** The names that are filters. */
export const FILTER_NAMES: readonly string[] = ['clientFilter', 'clientInputFilter', 'clientOutputFilter'];

/** All keys of `Handlers`. */
export const HANDLER_NAMES: readonly string[] = [
  ...FUNCTION_NAMES,
  ...FILTER_NAMES,
  'clientShutdownOnError',
  'highMark',
  'lowMark',
];
