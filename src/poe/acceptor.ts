/** The callback `Acceptor` of PreforkTCP as a handler of raw sockets. Made in either thread, it runs in a worker. */
import { type WorkerContext } from '../worker/session/handlers.ts';
import { type ServedSocket } from '../worker/session/served-socket.ts';
import { Call } from './call.ts';
import { type Target } from './sessions.ts';
import { Kernel } from './kernel.ts';
import { type AcceptorHeap } from './parameters.ts';
import { type WorkerSetup } from './worker-setup.ts';

/** `Acceptor` as a handler of raw sockets. Its heap is the listener's in that worker: one for all its connections. */
export function acceptor(setup: WorkerSetup): (socket: ServedSocket, worker: WorkerContext) => unknown {
  const { parameters, sessions, alias, masterAlias } = setup;
  const heap: AcceptorHeap = { alias, master_alias: masterAlias };
  return (socket, worker) => {
    const session: Target | undefined = sessions.find(alias);
    // It is there from the worker's start on. A connection whose Acceptor is not called would hang.
    if (session === undefined) throw new Error(`PreforkTCP: ${alias} is no session of worker ${worker.id}`);
    const { connectionId, remoteAddress = 'LOCAL', remotePort } = socket;
    const call = new Call({
      heap,
      kernel: new Kernel(worker.id, session, sessions),
      session,
      sender: session,
      state: 'Acceptor',
      object: undefined,
      args: [socket, remoteAddress, remotePort, connectionId] as const,
    });
    return parameters.Acceptor?.(call);
  };
}
