/** The front `forkless/worker`: all that a worker module needs. Runs in a worker. */

export { serve } from './worker/runtime/serve.ts';
export { currentWorker } from './worker/runtime/current.ts';
export {
  type ClientContext,
  type ClientError,
  type Handlers,
  type PreConnectContext,
  type WorkerContext,
} from './worker/session/handlers.ts';
export { type Client } from './worker/session/client.ts';
export { type ClientInfo } from './worker/session/client-info.ts';
export { type ServedSocket } from './worker/session/served-socket.ts';
export { type Filter } from './common/filters/filter.ts';
export { LineFilter, type LineFilterOptions } from './common/filters/line.ts';
export { StreamFilter } from './common/filters/stream.ts';
export { ForklessError } from './common/core/errors.ts';
