/** The lane of a connection that no worker has. Used in the main thread. */
import { type Lane } from '../../common/lane/lane.ts';

/** Takes no bytes, so they wait in their sender until the connection has a worker again. Frames are for nobody. */
export const NOWHERE: Lane = {
  control: () => undefined,
  credit: () => undefined,
  sendNow: () => 0,
  data: () => 0,
  admit: () => undefined,
};
