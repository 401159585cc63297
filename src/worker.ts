export { serve } from './worker/serve.ts';
export { currentWorker } from './worker/current.ts';
export {
  type ClientContext,
  type ClientError,
  type Handlers,
  type PreConnectContext,
  type WorkerContext,
} from './worker/handlers.ts';
export { type Client } from './worker/client.ts';
export { type ClientInfo } from './worker/client-info.ts';
export { type ServedSocket } from './worker/served-socket.ts';
export { type Filter } from './filters/filter.ts';
export { LineFilter, type LineFilterOptions } from './filters/line.ts';
export { StreamFilter } from './filters/stream.ts';
export { ForklessError } from './core/errors.ts';
