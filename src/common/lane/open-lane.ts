/** Opens an end of the lanes: one function for the main thread, one for a worker. */
import { type Rings } from '../wire/ring.ts';
import { type LaneEnd, type LaneEndOptions, type LanePort } from './lane.ts';
import { RingLane } from './ring-lane.ts';

/** The port of the main thread's end. */
export interface MainPort extends LanePort {
  on(event: 'message' | 'messageerror', listener: (what: unknown) => void): unknown;
  unref(): void;
}

/** Opens the main thread's end of the lanes between it and one worker. */
export function laneToWorker(rings: Rings, options: LaneEndOptions & { readonly port: MainPort }): LaneEnd {
  const lane = new RingLane({ ...options, out: rings.toWorker, in: rings.toMain });
  options.port.on('messageerror', (error) => {
    lane.unreadable(error);
  });
  // The thread holds the process, not its port: the port would hold it also before the thread is there.
  options.port.unref();
  return lane;
}

/** Opens the worker's end. */
export const laneToMain = (rings: Rings, options: LaneEndOptions): LaneEnd =>
  new RingLane({ ...options, out: rings.toMain, in: rings.toWorker });
