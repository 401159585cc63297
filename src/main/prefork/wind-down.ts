// The part of `close()` that begins once no connection comes in any more.
import { type Clock } from '../../common/core/clock.ts';
import { type Millis } from '../../common/core/types.ts';
import { type ClosingTime } from './closing-time.ts';
import { type Pool } from './pool.ts';
import { type Watchers } from './watchers.ts';

export interface WindDownTerms {
  readonly clock: Clock;
  readonly watchers: Watchers;
  readonly time: ClosingTime;
  /** How long the last output to a slow peer may take. */
  readonly lingerTimeout: Millis;
}

/** Refuses the connections that wait, lets the workers end or become zombies, then closes what is still open. */
export async function windDown(pool: Pool, terms: WindDownTerms): Promise<void> {
  const { clock, watchers, time } = terms;
  const { dispatcher, master } = pool;
  dispatcher.close();
  master.tell({ kind: 'closing', grace: time.remaining });
  const allEnded = (): boolean => master.state.workers.every(({ stage }) => stage.phase === 'zombie');
  await watchers.until(clock, Infinity, allEnded);
  await lastOutput(pool, terms);
  pool.stop();
}

// The workers are gone, but their last output to slow peers may still be on its way.
async function lastOutput({ connections }: Pool, terms: WindDownTerms): Promise<void> {
  const { clock, watchers, time, lingerTimeout } = terms;
  const gone = (): boolean => connections.size === 0;
  await new Promise<void>((resolve) => {
    const wait = (): void => {
      void watchers.until(clock, Math.min(time.remaining, lingerTimeout), gone).then(() => {
        resolve();
      });
    };
    time.onHurry(wait);
    wait();
  });
  connections.destroyAll();
  await watchers.until(clock, 1_000, gone);
}
