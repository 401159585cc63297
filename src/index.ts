export { createPrefork, prefork } from './prefork/create.ts';
export { type DrainReport } from './prefork/drain.ts';
export { type Prefork } from './prefork/prefork.ts';
export { type Evidence } from './prefork/evidence.ts';
export { type Degradation, type DegradedCause } from './prefork/health.ts';
export { type StuckReport } from './prefork/stuck.ts';
export { type ConnectionInfo, type PreforkEvents } from './prefork/events.ts';
export { type ListenTarget, type PreforkOptions, type RunningOptions } from './prefork/options.ts';
export { type PreforkStatus, type WorkerStatus } from './prefork/status.ts';
export { type WorkerExit } from './master/worker-handle.ts';
export { type PolicyOptions } from './policy/config.ts';
export { type Candidate, type Dispatch, type DispatchFunction, type Phase } from './policy/state.ts';
export { type HostName } from './threads/host.ts';
export { ForklessError, type ErrorCode } from './core/errors.ts';
export {
  type Addresses,
  type CloseReason,
  type ConnectionId,
  type DropReason,
  type ExitReason,
  type LeaveReason,
  type Millis,
  type WorkerId,
} from './core/types.ts';
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
