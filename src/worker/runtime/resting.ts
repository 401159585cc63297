/** Lets a protocol such as HTTP tell the main thread how many clients rest between two requests. */
import { type Activity, noteResting } from '../../common/wire/activity.ts';
import { type WorkerContext } from '../session/handlers.ts';

const activities = new WeakMap<WorkerContext, Activity>();

/** Where the main thread reads what this worker tells of itself. */
export const lendActivity = (worker: WorkerContext, activity: Activity): void =>
  void activities.set(worker, activity);

/** Tells how many clients of this worker rest between two requests; one store, so it may be told with each request. */
export function tellResting(worker: WorkerContext, count: number): void {
  const activity = activities.get(worker);
  if (activity) noteResting(activity, count);
}
