// The engine works behind a prefork from its start on. It joins the pool, the entrance for its connections, and the
// look at its health.
import { asError } from '../../common/core/thrown.ts';
import { Entrance } from '../listener/entrance.ts';
import { type WorkerExit } from '../master/worker-handle.ts';
import { type ThreadHost } from '../threads/host.ts';
import { type ClosingTime } from './closing-time.ts';
import { type Announce } from './events.ts';
import { firstReady } from './first-ready.ts';
import { Health } from './health.ts';
import { type Lifecycle } from './lifecycle.ts';
import { type Address } from './listeners.ts';
import { Pool } from './pool.ts';
import { type PreforkSettings } from './settings.ts';
import { type Surroundings } from './surroundings.ts';
import { type Watchers } from './watchers.ts';
import { windDown } from './wind-down.ts';

export interface EngineOptions {
  readonly surroundings: Surroundings;
  readonly settings: PreforkSettings;
  readonly host: ThreadHost;
  readonly life: Lifecycle;
  readonly watchers: Watchers;
  readonly announce: Announce;
  /** Where the prefork listens; `null` where it does not. */
  readonly address: () => Address;
  /** A worker asked for the end of the whole prefork. */
  readonly shutdown: () => void;
}

export class Engine {
  readonly pool: Pool;
  /** Where connections come in, once it is open. */
  entrance: Entrance | undefined;
  readonly #options: EngineOptions;
  readonly #health: Health;

  constructor(options: EngineOptions) {
    const { surroundings, settings, host, watchers, announce, address, shutdown } = options;
    const { clock } = surroundings;
    this.#options = options;
    this.#health = new Health(clock, announce, settings.onStuck);
    this.pool = new Pool({
      ...surroundings,
      settings,
      host,
      announce,
      address,
      shutdown,
      exited: this.#exited.bind(this),
      failed: this.#health.blame.bind(this.#health),
      turned: this.#turned.bind(this),
      closed: watchers.look.bind(watchers),
    });
  }

  /** Lets connections in. Throws for a key or certificate that is missing or bad. */
  open(): void {
    const { settings, watchers } = this.#options;
    this.entrance = new Entrance(this.pool, settings, watchers.look.bind(watchers));
  }

  /** Starts the workers, and resolves when the first of them is ready. Rejects when none will be. */
  async start(): Promise<void> {
    const { life, surroundings, watchers } = this.#options;
    this.pool.master.start();
    life.fail(await firstReady(this.pool, surroundings.clock, watchers, () => life.startIsOver));
    life.mustStart();
  }

  /** Takes nothing in any more, and resolves when all has ended, or the time is over. */
  async close(time: ClosingTime): Promise<void> {
    const { surroundings, settings, watchers } = this.#options;
    const { lingerTimeout } = settings;
    this.entrance?.close();
    this.pool.homeless.close();
    await windDown(this.pool, { clock: surroundings.clock, watchers, time, lingerTimeout });
  }

  #exited({ reason, error }: WorkerExit): void {
    const { life, watchers } = this.#options;
    if (life.state === 'starting' && reason === 'boot-failed') life.fail(asError(error));
    watchers.look();
  }

  #turned(): void {
    const { life, watchers } = this.#options;
    if (life.state === 'listening') this.#health.look(this.pool);
    watchers.look();
  }
}
