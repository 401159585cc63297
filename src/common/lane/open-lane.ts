import { type Rings } from '../wire/ring.ts';
import { BatchLane } from './batch-lane.ts';
import { type LaneEnd, type LaneEndOptions } from './lane.ts';
import { RingLane } from './ring-lane.ts';

/** The main thread's end of the lanes; without rings, bytes go by the port. */
export const laneToWorker = (rings: Rings | undefined, options: LaneEndOptions): LaneEnd =>
  rings ? new RingLane({ ...options, out: rings.toWorker, in: rings.toMain }) : new BatchLane(options);

/** The worker's end. */
export const laneToMain = (rings: Rings | undefined, options: LaneEndOptions): LaneEnd =>
  rings ? new RingLane({ ...options, out: rings.toMain, in: rings.toWorker }) : new BatchLane(options);
