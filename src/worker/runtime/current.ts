/** `currentWorker()`, for code that is not given its worker. */
import { bootSlot, type BootSlot } from '../../common/boot/boot-data.ts';
import { type WorkerContext } from '../session/handlers.ts';

// One in a thread; where several workers share one, each has a slot of its own.
const workers = new WeakMap<BootSlot['port'], WorkerContext>();

/** Lets `currentWorker()` find the worker that serves by this port. */
export function setCurrentWorker(port: BootSlot['port'], worker: WorkerContext): void {
  workers.set(port, worker);
}

/**
 * The worker in which this runs, as its handlers get it: for code that gets no `worker`, such as a route of an app. Ask
 * within a handler. `undefined` before the worker serves and outside of workers, so that an app can also run without one.
 */
export function currentWorker(): WorkerContext | undefined {
  const boot = bootSlot();
  return boot && workers.get(boot.port);
}
