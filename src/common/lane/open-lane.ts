import { type Rings } from '../wire/ring.ts';
import { type LaneEnd, type LaneEndOptions } from './lane.ts';
import { RingLane } from './ring-lane.ts';

/** Opens the main thread's end of the lanes between it and one worker. */
export const laneToWorker = (rings: Rings, options: LaneEndOptions): LaneEnd =>
  new RingLane({ ...options, out: rings.toWorker, in: rings.toMain });

/** Opens the worker's end. */
export const laneToMain = (rings: Rings, options: LaneEndOptions): LaneEnd =>
  new RingLane({ ...options, out: rings.toMain, in: rings.toWorker });
