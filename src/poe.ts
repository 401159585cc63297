/** The front `forkless/poe`: PreforkTCP and its types. Used in both threads. */

export { PreforkTCP } from './poe/prefork-tcp.ts';
export { type Call } from './poe/call.ts';
export { type SessionInfo } from './poe/sessions.ts';
export { type FilterParameter } from './poe/filter-parameter.ts';
export { type Kernel } from './poe/kernel.ts';
export { type Master } from './poe/master-session.ts';
export { type MasterHeap } from './poe/master-heap.ts';
export {
  type AcceptorHeap,
  type ConnectionHeap,
  type ListenParameters,
  type PreforkTCPParameters,
} from './poe/parameters.ts';
export { type PoolParameters } from './poe/pool-options.ts';
export { type Wheel, type WheelEvents } from './poe/wheel.ts';
export { type Filter } from './common/filters/filter.ts';
export { LineFilter } from './common/filters/line.ts';
export { StreamFilter } from './common/filters/stream.ts';
export { ForklessError } from './common/core/errors.ts';
