import { type HeldClock } from '../core/clock.ts';
import { SystemClock } from '../master/system-clock.ts';
import { type HostName, type ThreadHost } from '../threads/host.ts';
import { loadHost } from '../threads/hosts.ts';

/** What a prefork takes from the process it is in; a test gives it others. */
export interface Surroundings {
  readonly clock: HeldClock;
  /** At least 0 and less than 1; for jitter. */
  readonly random: () => number;
  readonly loadHost: (name: HostName) => Promise<ThreadHost>;
}

export const ownSurroundings = (): Surroundings => ({
  clock: new SystemClock(),
  random: Math.random,
  loadHost,
});
