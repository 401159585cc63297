/** Admission: whether a new connection is let in. Pure. */
import { isIP, type BlockList } from 'node:net';
import { type Addresses, type DropReason } from '../../common/core/types.ts';

export interface AdmissionConfig {
  /** Open connections in all, `Infinity` for no limit. */
  readonly maxConnections: number;
  /** Open connections from one network, see `networkOf`; `Infinity` for no limit. */
  readonly maxConnectionsPerAddress: number;
  readonly blockList: BlockList | undefined;
}

/** Connections that are open when another one comes. */
export interface Crowd {
  readonly all: number;
  readonly sameNetwork: number;
}

/** Why a new connection is not let in, if it is not. */
export function refusalOf(
  addresses: Addresses,
  open: Crowd,
  config: AdmissionConfig,
): DropReason | undefined {
  if (isBlocked(addresses, config.blockList)) return 'blocked';
  if (open.all >= config.maxConnections) return 'max-connections';
  return open.sameNetwork >= config.maxConnectionsPerAddress ? 'max-per-address' : undefined;
}

// `net.Server` has a block list too, but only from Node 22.13 on, and it tells no reason.
function isBlocked({ remoteAddress }: Addresses, blockList: BlockList | undefined): boolean {
  if (blockList === undefined || remoteAddress === undefined) return false;
  const address = withoutZone(remoteAddress);
  const version = isIP(address);
  // A stream of the user's own may name any origin, and the list throws at one that is no address.
  return version !== 0 && blockList.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

const withoutZone = (address: string): string => address.split('%', 1)[0] ?? address;

const MAPPED = '::ffff:';

/**
 * The network that counts as one address: an IPv4 address, also when it comes mapped into IPv6, or the first 64 bits of an
 * IPv6 address, because the owner of one such address owns the whole network (RFC 6177). `undefined` for connections
 * without an address, such as those of Unix sockets.
 */
export function networkOf({ remoteAddress }: Addresses): string | undefined {
  if (!remoteAddress?.includes(':')) return remoteAddress;
  if (remoteAddress.startsWith(MAPPED) && remoteAddress.includes('.'))
    return remoteAddress.slice(MAPPED.length);
  const [left = '', right] = withoutZone(remoteAddress).split('::', 2);
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}

const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
