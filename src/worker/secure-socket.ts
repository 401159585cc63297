import { type TLSSocket } from 'node:tls';
import { type WorkerSocket } from '../transport/worker-hub.ts';
import { lendAddresses } from '../tls/addresses.ts';
import { type ServedSocket } from './served-socket.ts';

/** What a secure socket cannot have of its own, for want of a handle, it gets from the one under it. */
export function servedSecure(secure: TLSSocket, under: WorkerSocket): ServedSocket & TLSSocket {
  lendAddresses(secure, under);
  // A wish of the handlers, which the secure socket has taken over when it was made.
  return Object.assign(secure, {
    connectionId: under.connectionId,
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
