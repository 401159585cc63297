/** The heap of PreforkTCP's master session, whose fields change the running pool. Runs in the main thread. */
import { type Prefork } from '../main/prefork/prefork.ts';
import { poolOptions, type PoolOptions, type PoolParameters } from './pool-options.ts';

interface Field {
  readonly parameter: keyof PoolParameters;
  readonly option: keyof PoolOptions;
  /** Milliseconds of ours in one of the field's units. */
  readonly unit: 1 | 1000;
}

/** The fields of the master's heap that say how many servers there are and how long they live. */
type FieldName =
  | 'max_server'
  | 'start_server'
  | 'min_server'
  | 'min_spare_server'
  | 'max_spare_server'
  | 'master_heartbeat_time'
  | 'server_heartbeat_time'
  | 'max_session'
  | 'max_expire_time'
  | 'grace_expire_time'
  | 'max_spare_time'
  | 'max_life_time'
  | 'max_life_times';

const FIELDS: Readonly<Record<FieldName, Field>> = {
  max_server: { parameter: 'MaxServer', option: 'maxWorkers', unit: 1 },
  start_server: { parameter: 'StartServer', option: 'startWorkers', unit: 1 },
  min_server: { parameter: 'MinServer', option: 'minWorkers', unit: 1 },
  min_spare_server: { parameter: 'MinSpareServer', option: 'minSpareWorkers', unit: 1 },
  max_spare_server: { parameter: 'MaxSpareServer', option: 'maxSpareWorkers', unit: 1 },
  master_heartbeat_time: { parameter: 'MasterHeartBeatTime', option: 'masterHeartbeat', unit: 1000 },
  server_heartbeat_time: { parameter: 'ServerHeartBeatTime', option: 'workerHeartbeat', unit: 1000 },
  max_session: { parameter: 'MaxSessionPerServer', option: 'maxSessionsPerWorker', unit: 1 },
  max_expire_time: { parameter: 'MaxServerExpireTime', option: 'workerExpireTime', unit: 1000 },
  grace_expire_time: { parameter: 'GraceExpireTime', option: 'graceTime', unit: 1000 },
  max_spare_time: { parameter: 'MaxServerSpareTime', option: 'maxSpareTime', unit: 1000 },
  max_life_time: { parameter: 'MaxServerLifeTime', option: 'maxLifetime', unit: 1000 },
  max_life_times: { parameter: 'MaxServerLifeTimes', option: 'maxServed', unit: 1 },
};

/** Seconds and counts as in the parameters, 0 for "off". Setting one takes effect at once, or throws as they do. */
export type MasterFields = Record<FieldName, number>;

/** The master's and the listener's heap in the main thread. Add to it what you like. */
export interface MasterHeap extends MasterFields {
  readonly master_alias: string;
  readonly alias: string;
  /** The listening socket, as far as the ancestor's users ask for it. */
  readonly listener: { getsockname(): ReturnType<Prefork['address']> };
  /** Open connections of all workers. */
  readonly connections: number;
  /** Connections of one server, -1 for no limit, 0 for none; changed by the event `set_concurrency`. */
  readonly concurrency: number;
  [field: string]: unknown;
}

/** The pool's parameters while it runs; changes go to the prefork. */
export class RunningParameters {
  readonly #prefork: Prefork;
  readonly #warn: (text: string) => void;
  #parameters: PoolParameters;

  constructor(prefork: Prefork, parameters: PoolParameters, warn: (text: string) => void) {
    this.#prefork = prefork;
    this.#parameters = parameters;
    this.#warn = warn;
  }

  get concurrency(): number {
    return this.#parameters.Concurrency ?? -1;
  }

  /** Throws as at construction, and changes nothing then. */
  change(changes: PoolParameters): void {
    const parameters = { ...this.#parameters, ...changes };
    this.#prefork.configure(poolOptions(parameters, this.#warn));
    this.#parameters = parameters;
  }

  /** Fields that read and change the parameters. */
  define(heap: object): void {
    for (const [name, field] of Object.entries(FIELDS)) {
      Object.defineProperty(heap, name, {
        enumerable: true,
        get: () => this.#read(field),
        set: (value: number) => {
          this.change({ [field.parameter]: value });
        },
      });
    }
  }

  #read({ option, unit }: Field): number {
    // Each by itself: `max_session` says nothing of `concurrency`.
    const parameters = { ...this.#parameters, Concurrency: undefined };
    const value = poolOptions(parameters, () => undefined)[option];
    return value === Infinity ? 0 : value / unit;
  }
}
