import { errors } from '../../common/core/errors.ts';
import { type WorkerId } from '../../common/core/types.ts';
import { type Pool } from './pool.ts';

/** The id, if there is such a worker; throws `FORKLESS_NO_SUCH_WORKER`. */
export function knownTo({ handles }: Pool, worker: WorkerId): WorkerId {
  if (handles.has(worker)) return worker;
  throw errors.noSuchWorker(worker);
}
