import { type TLSSocket } from 'node:tls';
import { type Addresses } from '../core/types.ts';

const NAMES = [
  'remoteAddress',
  'remotePort',
  'remoteFamily',
  'localAddress',
  'localPort',
  'localFamily',
] as const;

/** Gives a secure socket the addresses of what lies under it, which Node does only where that has a handle. */
export function lendAddresses(secure: TLSSocket, under: Addresses): void {
  for (const name of NAMES) {
    Object.defineProperty(secure, name, { value: under[name], configurable: true, enumerable: true });
  }
}
