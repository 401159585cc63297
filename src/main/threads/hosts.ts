// All thread hosts by their names.
import { type HostName, type ThreadHost } from './host.ts';
import { native } from './native.ts';
import { loadPiscina } from './piscina.ts';
import { loadTinypool } from './tinypool.ts';

const LOADERS: Readonly<Record<HostName, () => Promise<ThreadHost>>> = {
  piscina: loadPiscina,
  tinypool: loadTinypool,
  worker: () => Promise.resolve(native),
};

export const HOST_NAMES: readonly HostName[] = ['piscina', 'tinypool', 'worker'];

/** The host of that name; loads its package where it has one. */
export function loadHost(name: HostName): Promise<ThreadHost> {
  return LOADERS[name]();
}
