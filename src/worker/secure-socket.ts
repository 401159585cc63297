import { type TLSSocket } from 'node:tls';
import { type RelaySocket } from '../transport/relay-socket.ts';
import { lendAddresses } from '../tls/addresses.ts';
import { type ServedSocket } from './served-socket.ts';

/** What a secure socket cannot have of its own, for want of a handle, it gets from the relayed one under it. */
export function servedSecure(secure: TLSSocket, relayed: RelaySocket): ServedSocket & TLSSocket {
  lendAddresses(secure, relayed);
  // A wish of the handlers, which the secure socket has taken over when it was made.
  return Object.assign(secure, {
    connectionId: relayed.connectionId,
    address: () => relayed.address(),
    setNoDelay: (enable?: boolean): TLSSocket => {
      relayed.setNoDelay(enable);
      return secure;
    },
    setKeepAlive: (enable?: boolean, delay?: number): TLSSocket => {
      relayed.setKeepAlive(enable, delay);
      return secure;
    },
    resetAndDestroy: (): TLSSocket => {
      relayed.resetAndDestroy();
      return secure.destroy();
    },
  });
}
