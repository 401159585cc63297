import { type Surroundings } from '../../src/main/prefork/surroundings.ts';
import { type ThreadHost } from '../../src/main/threads/host.ts';
import { type FakeClock } from '../main/master/fake-clock.ts';
import { fakeLink, type FakePort } from './fake-link.ts';

export interface FakeSurroundingsOptions {
  readonly clock: FakeClock;
  readonly random: () => number;
  readonly host: ThreadHost;
  /** Gets the main thread's end of each port. */
  readonly nears: Set<FakePort>;
  /** Gets all that is to run at the end of a turn. */
  readonly turns: (() => void)[];
}

/** All that a prefork takes from its process, as fakes that move only when they are told to. */
export const fakeSurroundings = (options: FakeSurroundingsOptions): Surroundings => ({
  clock: options.clock,
  random: options.random,
  loadHost: () => Promise.resolve(options.host),
  openLink: () => {
    const link = fakeLink(512);
    options.nears.add(link.near as unknown as FakePort);
    return link;
  },
  atTurnEnd: (run) => options.turns.push(run),
  cores: 2,
  unheard: {
    missed: () => undefined,
    notice: () => undefined,
    recovered: () => undefined,
    closing: () => undefined,
    stop: () => undefined,
  },
});
