// Evidence about a worker that does not answer. It is found out without the help of that worker.
import { sharedNow } from '../../common/boot/shared-clock.ts';
import { type Millis } from '../../common/core/types.ts';
import { lastClient } from '../../common/wire/activity.ts';
import { type WorkerHandle } from '../master/worker-handle.ts';
import { type ThreadFindings } from '../threads/host.ts';
import { type Connections, type ConnectionInfo } from '../listener/connections.ts';

/** All that is known of a worker that does not answer. */
export interface Evidence {
  /**
   * The client whose arrival, input or end it took up last: most likely the one whose handler blocks. `undefined` if
   * there was none, or if that client's connection is closed.
   */
  readonly lastClient: ConnectionInfo | undefined;
  /** Milliseconds since then. */
  readonly lastClientAge: Millis | undefined;
  /** Event-loop utilisation since the look before, 0 to 1: about 1 in a loop or a blocking call, 0 when asleep. */
  readonly utilization: number | undefined;
  /** CPU time of its thread, milliseconds; `undefined` on Node 20, and in a native call. */
  readonly cpuTime: Millis | undefined;
  /** Where its JavaScript is, innermost first; empty when it is in a native call, or was killed too soon. */
  readonly stack: readonly string[];
}

/** The client that a worker took up last, and how long ago. */
export type LastClient = Pick<Evidence, 'lastClient' | 'lastClientAge'>;

/** The longest look into a thread. Threads in JavaScript answered within 0.3 s on a busy machine, others never. */
export const LONGEST_LOOK: Millis = 1_000;

const NOTHING: ThreadFindings = { cpuTime: undefined, stack: [] };

/** Also of a worker whose thread has ended, as long as its connections are open. */
export function lastClientOf({ activity }: WorkerHandle, connections: Connections): LastClient {
  const last = lastClient(activity, sharedNow());
  return { lastClient: last && connections.info(last.id), lastClientAge: last?.age };
}

/** The evidence that there is at once, without a look into the thread. */
export function evidenceOf(
  handle: WorkerHandle,
  connections: Connections,
  findings: ThreadFindings = NOTHING,
): Evidence {
  return {
    ...lastClientOf(handle, connections),
    utilization: handle.thread.utilization(),
    ...findings,
  };
}

/** Also looks into the thread. `found` is called once, before the worker is killed or gone. */
export function gather(
  handle: WorkerHandle,
  connections: Connections,
  found: (evidence: Evidence) => void,
): void {
  // These are read now, since its connections may be closed by the end of the look.
  const { lastClient, lastClientAge, utilization } = evidenceOf(handle, connections);
  handle.thread.examine(LONGEST_LOOK, (findings) => {
    found({ lastClient, lastClientAge, utilization, ...findings });
  });
}
