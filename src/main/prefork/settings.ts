// The settings of a prefork and its parts: all options, checked and with their defaults, by the part they go to.
import { type ServerOpts } from 'node:net';
import { type PlainTls } from '../../common/tls/options.ts';
import { type Millis } from '../../common/core/types.ts';
import { type DispatcherConfig } from '../listener/dispatcher.ts';
import { type IdleLimits } from '../listener/idle-watch.ts';
import { type PolicyConfig } from '../policy/config.ts';
import { type HostName, type ThreadSpec } from '../threads/host.ts';
import { type ListenTarget, type PreforkOptions } from './option-types.ts';
import { type StuckReport } from './stuck.ts';

/** Where the options go that have a row in `option-table.ts`. Fields that may be missing have no default. */
export interface OptionParts {
  readonly dispatcher: Omit<DispatcherConfig, keyof PolicyConfig>;
  readonly idle: IdleLimits;
  readonly tls: { readonly tls?: PlainTls };
  readonly prefork: OwnOptions;
  /** For Node's `Worker`. */
  readonly thread: Pick<ThreadSpec, 'resourceLimits' | 'env' | 'argv' | 'execArgv'>;
  readonly listen: CheckedTarget;
  /** For each socket that is accepted. */
  readonly socket: Pick<ServerOpts, 'noDelay' | 'keepAlive' | 'keepAliveInitialDelay' | 'highWaterMark'>;
}

/** The options that go no further than the prefork and its pool. */
export interface OwnOptions {
  readonly window: number;
  readonly maxOutput: number;
  readonly lingerTimeout: Millis;
  readonly leaveTimeout: Millis;
  readonly maxWorkerMessages: number;
  readonly threadHost: HostName;
  /** `'auto'` has become one of these. */
  readonly transport: 'relay' | 'transfer';
  readonly shutdownWorkers: boolean;
  readonly onStuck?: (report: StuckReport) => void;
  readonly allowHalfOpen: boolean;
  readonly signal?: AbortSignal;
  readonly signals: boolean;
}

/** All options as the prefork uses them: checked, with their defaults. */
export interface PreforkSettings
  extends Omit<OwnOptions, 'transport'>, Omit<OptionParts, 'dispatcher' | 'tls' | 'prefork'> {
  /** URL of the worker module. */
  readonly url: string;
  /** The options as they were given, with what `configure()` has changed. */
  readonly given: PreforkOptions;
  readonly policy: PolicyConfig;
  readonly dispatcher: DispatcherConfig;
  /** Sockets are sent to the workers, where they can be. */
  readonly transfer: boolean;
  readonly tls: PlainTls | undefined;
}

/** A `ListenTarget` with its port as a number. */
export type CheckedTarget = Omit<ListenTarget, 'port'> & { readonly port?: number };
