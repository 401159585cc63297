// The surroundings of a prefork: all that it takes from the process around it.
import { availableParallelism } from 'node:os';
import { type HeldClock } from '../../common/core/clock.ts';
import { type OwnCall } from '../../common/core/module-call.ts';
import { SystemClock } from '../master/system-clock.ts';
import { type HostName, type ThreadHost } from '../threads/host.ts';
import { loadHost } from '../threads/hosts.ts';
import { openLink, type Link } from '../../common/lane/link.ts';
import { Scopes } from '../../common/user-code/scope.ts';
import { noteMade } from './unbegun.ts';
import { UnheardWarnings, type Unheard } from './unheard.ts';
import { processSignals, type Signals } from './signals.ts';

/** The things that a prefork takes from its process. A test gives it others. */
export interface Surroundings {
  readonly clock: HeldClock;
  /** Returns a number of at least 0 and less than 1; for jitter. */
  readonly random: () => number;
  readonly loadHost: (name: HostName) => Promise<ThreadHost>;
  readonly openLink: () => Link;
  /** Runs its argument once, at the end of this turn of the event loop. */
  readonly atTurnEnd: (run: () => void) => void;
  /** How many threads may boot at a time. */
  readonly cores: number;
  /** Takes the events that nobody listens to. */
  readonly unheard: Unheard;
  /** Serves the option `signals`. Without it, the option has no effect. */
  readonly signals?: Signals | undefined;
  /** Told that a prefork was made; the result is called when it is to begin or close. */
  readonly made?: (() => () => void) | undefined;
  /** Describes to a new worker the call of `prefork()` that made this prefork. Absent where no such call did. */
  readonly call?: (() => OwnCall | undefined) | undefined;
}

export function ownSurroundings(): Surroundings {
  const scopes = new Scopes();
  const clock = new SystemClock();
  const atTurnEnd = (run: () => void): void => {
    scopes.register(setImmediate, run);
  };
  return {
    clock,
    random: Math.random,
    loadHost,
    openLink,
    atTurnEnd,
    cores: availableParallelism(),
    unheard: new UnheardWarnings(clock, atTurnEnd),
    signals: processSignals,
    made: noteMade,
  };
}
