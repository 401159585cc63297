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

// Not left to net.Server: it does so from Node 22.13 on only, and tells of it without a reason.
function isBlocked({ remoteAddress }: Addresses, blockList: BlockList | undefined): boolean {
  if (blockList === undefined || remoteAddress === undefined) return false;
  const address = withoutZone(remoteAddress);
  const version = isIP(address);
  // A stream of the user's own may call its origin what it likes; the list would throw at that.
  return version !== 0 && blockList.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

const withoutZone = (address: string): string => address.split('%', 1)[0] ?? address;

const MAPPED = '::ffff:';

/**
 * What counts as one address: an IPv4 address, also when it comes mapped into IPv6; of IPv6 the first 64 bits, since
 * whoever has one address has the whole network of them (RFC 6177). `undefined` where there is none, as for Unix sockets.
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
