// When the events `degraded` and `recovered` are told.
import { type Clock } from '../../common/core/clock.ts';
import { errorField } from '../../common/core/thrown.ts';
import { type Millis } from '../../common/core/types.ts';
import { backoffOf } from '../policy/backoff.ts';
import { zombiesOf } from '../policy/births.ts';
import { type PolicyConfig } from '../policy/config.ts';
import { type PoolState, type Backoff } from '../policy/state.ts';
import { restingClients } from '../../common/wire/activity.ts';
import { callUser } from '../../common/user-code/call-user.ts';
import { type Announce, type DegradedCause } from './events.ts';
import { IdleGrowth } from './idle-growth.ts';
import { type Pool } from './pool.ts';
import { type StuckReport, warnOfZombies } from './stuck.ts';

/** Notices when the pool becomes less than it should be, when that gets worse, and when the pool is well again. */
export class Health {
  readonly #clock: Clock;
  readonly #announce: Announce;
  readonly #onStuck: (report: StuckReport) => void;
  #failures = 0;
  #zombies = 0;
  readonly #growth = new IdleGrowth();
  #error: Error | undefined;

  constructor(clock: Clock, announce: Announce, onStuck: (report: StuckReport) => void = warnOfZombies) {
    this.#clock = clock;
    this.#announce = announce;
    this.#onStuck = onStuck;
  }

  /** Keeps the latest failure of a worker for the event that it may lead to. */
  blame(error: unknown): void {
    this.#error = errorField(error);
  }

  /** Compares the pool with how it was at the last look. */
  look({ master: { state, config }, handles }: Pick<Pool, 'master' | 'handles'>): void {
    this.#lookAtBoots(backoffOf(state, config, this.#clock.now()));
    this.#lookAtZombies(zombiesOf(state), config.maxZombies);
    this.#growth.look(state, config, (id) => {
      const handle = handles.get(id);
      return handle === undefined ? 0 : restingClients(handle.activity);
    });
  }

  #lookAtBoots({ failures, until }: Backoff): void {
    const before = this.#failures;
    this.#failures = failures;
    if (failures === 0 && before > 0) this.#announce('recovered', { cause: 'boot' });
    if (failures <= before) return;
    const retryIn = Math.max(0, until - this.#clock.now());
    this.#announce('degraded', { cause: 'boot', failures, retryIn, error: this.#error });
  }

  #lookAtZombies(zombies: number, maxZombies: number): void {
    const tooMany = zombies > maxZombies ? zombies : 0;
    const before = this.#zombies;
    this.#zombies = tooMany;
    if (tooMany === 0 && before > 0) this.#announce('recovered', { cause: 'zombies' });
    if (tooMany <= before) return;
    this.#announce('degraded', { cause: 'zombies', zombies, maxZombies });
    callUser(() => {
      this.#onStuck({ zombies, maxZombies });
    });
  }
}

/** All causes for which the pool is degraded at present. */
export function causesOf(state: PoolState, config: PolicyConfig, now: Millis): readonly DegradedCause[] {
  const causes: DegradedCause[] = [];
  if (backoffOf(state, config, now).failures > 0) causes.push('boot');
  if (zombiesOf(state) > config.maxZombies) causes.push('zombies');
  return causes;
}
