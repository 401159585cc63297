/** Translates PreforkTCP's parameters of the address to the options of `listen()`. Runs in the main thread. */
import { oneOf, port as checkedPort } from '../common/core/check.ts';
import { errors } from '../common/core/errors.ts';
import { show } from '../common/core/thrown.ts';
import { type ListenParameters } from './parameters.ts';
import { type ListenTarget } from '../main/prefork/option-types.ts';

const DOMAINS = ['AF_INET', 'AF_INET6', 'AF_UNIX'] as const;
const ANY = { AF_INET: '0.0.0.0', AF_INET6: '::' } as const;

/** Throws `FORKLESS_BAD_OPTION` and `FORKLESS_BAD_PARAMETER`. */
export function listenTarget({ Address, Hostname, Domain, Port }: ListenParameters): ListenTarget {
  const domain = oneOf('Domain', Domain ?? 'AF_INET', DOMAINS);
  if (domain === 'AF_UNIX') return { path: path(Address) };
  const port = checkedPort('Port', Port ?? 0);
  const host = Address === undefined ? (Hostname ?? ANY[domain]) : text(Address);
  return domain === 'AF_INET6' ? { port, host, ipv6Only: true } : { port, host };
}

function path(address: unknown): string {
  if (typeof address === 'string' && address !== '') return address;
  throw errors.badParameter(`needs a path as Address in the domain AF_UNIX, got ${show(address)}`);
}

// As text, or packed by `inet_aton` and `inet_pton`.
function text(address: string | Uint8Array): string {
  if (typeof address === 'string') return address;
  if (address.length === 4) return address.join('.');
  if (address.length === 16) {
    const groups = Array.from({ length: 8 }, (_, at) => address.subarray(at * 2, at * 2 + 2));
    return groups.map(([high = 0, low = 0]) => (high * 256 + low).toString(16)).join(':');
  }
  throw errors.badParameter(`needs an Address of 4 or 16 bytes when it is packed, got ${address.length}`);
}
