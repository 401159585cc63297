/** All parameters of PreforkTCP as handlers of this package. Made in either thread, they run in a worker. */
import { type Handlers } from '../worker/session/handlers.ts';
import { acceptor } from './acceptor.ts';
import { clientHandlers, type OwnHeap } from './client-handlers.ts';
import { Sessions } from './sessions.ts';
import { type AnyParameters } from './parameters.ts';
import { type WorkerSetup } from './worker-setup.ts';
import { statesOf } from './states.ts';
import { WorkerMaster } from './worker-master.ts';

/** The parameters as handlers of a worker. Throws `FORKLESS_BAD_PARAMETER`. */
export function workerHandlers(
  parameters: AnyParameters,
  maxEvents: number,
): Handlers<OwnHeap, unknown, unknown> {
  const setup: WorkerSetup = {
    parameters,
    states: statesOf(parameters),
    sessions: new Sessions(),
    masterAlias: parameters.MasterAlias ?? 'prefork_master',
    alias: parameters.Alias ?? 'prefork_server',
    maxEvents,
  };
  return {
    workerStarted: (worker) => {
      for (const alias of [setup.masterAlias, setup.alias]) {
        setup.sessions.add(alias, new WorkerMaster(alias, worker, maxEvents));
      }
    },
    ...(parameters.Acceptor === undefined ? clientHandlers(setup) : { connection: acceptor(setup) }),
  };
}
