/** Gives a TLS socket the addresses of the connection under it. Used in both threads. */
import { type TLSSocket } from 'node:tls';
import { ADDRESS_NAMES, type Addresses } from '../core/types.ts';

/** Gives a secure socket the addresses of what lies under it, which Node does only where that has a handle. */
export function lendAddresses(secure: TLSSocket, under: Addresses): void {
  for (const name of ADDRESS_NAMES) {
    Object.defineProperty(secure, name, { value: under[name], configurable: true, enumerable: true });
  }
}
