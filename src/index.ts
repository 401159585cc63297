/** The front `forkless`: all that a program needs in its main thread, and in one module also in its workers. */

export { createPrefork, type CreateOptions } from './main/prefork/create.ts';
export { prefork } from './one-module/prefork.ts';
export { type DrainReport } from './main/prefork/drain.ts';
export { type Prefork } from './main/prefork/prefork.ts';
export { type Evidence } from './main/prefork/evidence.ts';
export { type DegradedCause } from './main/prefork/events.ts';
export { type Degradation } from './main/prefork/events.ts';
export { type StuckReport } from './main/prefork/stuck.ts';
export { type PreforkEvents } from './main/prefork/events.ts';
export { type ConnectionInfo } from './main/listener/connections.ts';
export { type PreforkOptions } from './main/prefork/option-types.ts';
export { type ListenTarget } from './main/prefork/option-types.ts';
export { type RunningOptions } from './main/prefork/option-types.ts';
export { type PreforkStatus, type WorkerStatus } from './main/prefork/status.ts';
export { type WorkerExit } from './main/master/worker-handle.ts';
export { type PolicyOptions } from './main/policy/config.ts';
export { type Candidate, type Dispatch, type DispatchFunction, type Phase } from './main/policy/state.ts';
export { type HostName } from './main/threads/host.ts';
export { ForklessError, type ErrorCode } from './common/core/errors.ts';
export {
  type Addresses,
  type CloseReason,
  type ConnectionId,
  type DropReason,
  type ExitReason,
  type LeaveReason,
  type MoveReason,
  type Millis,
  type WorkerId,
} from './common/core/types.ts';
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
