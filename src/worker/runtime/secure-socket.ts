/** A TLS socket as handlers get it, with all that only the socket under it can give. */
import { type TLSSocket } from 'node:tls';
import { boundOutput } from '../sockets/output-bound.ts';
import { type WorkerSocket } from '../sockets/worker-sockets.ts';
import { lendAddresses } from '../../common/tls/addresses.ts';
import { afterLastRecords } from './last-records.ts';
import { type ServedSocket } from '../session/served-socket.ts';

/**
 * What a secure socket cannot have of its own, for want of a handle, it gets from the one under it. `closed` is called
 * when it has said that it is closed.
 */
export function servedSecure(
  secure: TLSSocket,
  under: WorkerSocket,
  closed: () => void,
): ServedSocket & TLSSocket {
  lendAddresses(secure, under);
  const bound = boundOutput(secure, under.maxOutput);
  let open = true;
  const emit = secure.emit.bind(secure) as (event: string | symbol, ...given: unknown[]) => boolean;
  const destroy = secure._destroy.bind(secure);
  const end = under.destroy.bind(under);
  let failed = false;
  Object.defineProperty(secure, 'outputCost', { get: () => bound.cost, configurable: true });
  return Object.assign(secure as TLSSocket & { readonly outputCost: number }, {
    // Not a listener, which a handler may take off with all others.
    emit: (event: string | symbol, ...given: unknown[]): boolean => {
      // The socket under it fails for the same cause, and Node passes that on.
      if (event === 'error' && failed) return true;
      failed ||= event === 'error';
      try {
        return emit(event, ...given);
      } finally {
        if (event === 'close' && open) {
          open = false;
          closed();
        }
      }
    },
    // The error by which a handler destroys it is why the connection has ended.
    _destroy: (error: Error | null, done: (error?: Error | null) => void): void => {
      // Node destroys the socket under it once TLS is closed; sooner, it would end the process.
      if (error) Object.assign(under, { destroy: () => end(error) });
      afterLastRecords(secure, under, () => {
        destroy(error, done);
      });
    },
    connectionId: under.connectionId,
    maxOutput: under.maxOutput,
    scope: under.scope,
    address: () => under.address(),
    setNoDelay: (enable?: boolean): TLSSocket => {
      under.setNoDelay(enable);
      return secure;
    },
    setKeepAlive: (enable?: boolean, delay?: number): TLSSocket => {
      under.setKeepAlive(enable, delay);
      return secure;
    },
    resetAndDestroy: (): TLSSocket => {
      under.resetAndDestroy();
      return secure.destroy();
    },
  });
}
