/** Lets code beside the handlers, such as that for HTTP, report errors of user code to the main thread. */
import { type ConnectionId } from '../../common/core/types.ts';
import { type WorkerContext } from '../session/handlers.ts';

/** Tells the main thread of an error that no handler has seen; it becomes a `handlerError`. */
export type Report = (error: unknown, connection: ConnectionId | undefined, callback: string) => void;

const reports = new WeakMap<WorkerContext, Report>();

/** Lets `reportFailure()` find how this worker tells its errors. */
export const lendReport = (worker: WorkerContext, report: Report): void => void reports.set(worker, report);

/** Reports an error of user code that runs in this worker, but in none of its handlers. */
export const reportFailure = (worker: WorkerContext, ...failure: Parameters<Report>): void =>
  reports.get(worker)?.(...failure);
