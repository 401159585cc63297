/** Rendezvous hashing, by which the dispatch `'sticky-address'` finds the worker of an address. */
import { type WorkerId } from '../../common/core/types.ts';

/**
 * Rendezvous hashing (highest random weight): the key goes to the worker with the greatest weight, so when a worker
 * comes or goes only its own keys move. Thaler and Ravishankar, "Using name-based mappings to increase hit rates",
 * IEEE/ACM Transactions on Networking 6(1), 1998.
 */
export const weight = (hash: number, id: WorkerId): number => mix(hash ^ Math.imul(id, 0x9e3779b1));

/** FNV-1a, 32 bits (Fowler, Noll, Vo; RFC 9923). */
export function addressHash(address: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < address.length; index++) {
    hash = Math.imul(hash ^ address.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** The finalizer of MurmurHash3 (Appleby, public domain): every bit of the input reaches every bit of the output. */
function mix(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
