// The table of all options but those of the policy, which are in `policy/config.ts`. An option is one row here and
// one field, with its docstring, in `option-types.ts`; all lists of names, checks, defaults and settings follow from
// the row.
import { BlockList } from 'node:net';
import { type ResourceLimits } from 'node:worker_threads';
import {
  boolean,
  instance,
  integer,
  limit,
  millis,
  millisOrNever,
  oneOf,
  port,
  record,
  strings,
  text,
} from '../../common/core/check.ts';
import { errors } from '../../common/core/errors.ts';
import { resolveTls, type TlsOptions } from '../../common/tls/options.ts';
import { POLICY_OPTIONS } from '../policy/config.ts';
import { type Dispatch, type DispatchFunction } from '../policy/state.ts';
import { canTransfer } from '../relay/send-socket.ts';
import { HOST_NAMES } from '../threads/hosts.ts';
import { checkOnStuck } from './stuck.ts';
import { type OptionParts } from './settings.ts';

/** Returns the value, in the form that it is used in, when it is good; throws `FORKLESS_BAD_OPTION` otherwise. */
type Check<Value> = (name: string, value: unknown) => Value;

interface Row<Value = unknown> {
  readonly check: Check<Value>;
  /** Checked like a value that is given. `undefined`: the option is left out of the settings too. */
  readonly byDefault: unknown;
  /** `configure()` can change it. */
  readonly running: boolean;
}

/** The rows by the part of the settings that the option goes to. */
type Table = {
  readonly [Part in keyof OptionParts]: {
    readonly [Name in keyof OptionParts[Part]]-?: Row<Exclude<OptionParts[Part][Name], undefined>>;
  };
};

const running = <Value>(check: Check<Value>, byDefault?: unknown): Row<Value> => ({
  check,
  byDefault,
  running: true,
});

const fixed = <Value>(check: Check<Value>, byDefault?: unknown): Row<Value> => ({
  check,
  byDefault,
  running: false,
});

// The largest signed number of 32 bits.
const MOST = 0x7fff_ffff;

// Node's own checks of many of these come late (in a thread, at the first connection) or not at all.
const TABLE: Table = {
  dispatcher: {
    dispatch: running(dispatchOf, 'least-open'),
    maxConnections: running(limitFrom(1), Infinity),
    maxConnectionsPerAddress: running(limitFrom(1), Infinity),
    blockList: running((name, value) => instance(name, value, BlockList)),
    maxWaiting: running(limitFrom(0), 511),
    waitTimeout: running(waitFrom(1), 30_000),
    claimTimeout: running(waitFrom(1), 1_000),
    stealAfter: running(waitOrNever, 5),
  },
  idle: {
    idleTimeout: running(waitOrNever, 3_600_000),
    firstByteTimeout: running(waitOrNever, 120_000),
  },
  tls: {
    // `resolveTls` checks whatever it is given.
    tls: running((_, value) => resolveTls(value as TlsOptions | null)),
  },
  prefork: {
    window: fixed(whole(1_024, MOST), 262_144),
    maxOutput: fixed(limitFrom(0), 67_108_864),
    lingerTimeout: fixed(waitFrom(1), 30_000),
    leaveTimeout: fixed(waitFrom(1), 1_000),
    maxWorkerMessages: fixed(limitFrom(1), 4_096),
    threadHost: fixed((name, value) => oneOf(name, value, HOST_NAMES), 'piscina'),
    transport: fixed(transportOf, 'relay'),
    shutdownWorkers: fixed(boolean, false),
    onStuck: fixed(checkOnStuck),
    allowHalfOpen: fixed(boolean, false),
    signal: fixed((name, value) => instance(name, value, AbortSignal)),
    signals: fixed(boolean, false),
  },
  thread: {
    resourceLimits: fixed(megabytes),
    env: fixed(variables),
    argv: fixed(strings),
    execArgv: fixed(strings),
  },
  listen: {
    port: fixed(port),
    host: fixed(text),
    path: fixed(text),
    backlog: fixed(whole(1, MOST)),
    ipv6Only: fixed(boolean),
    exclusive: fixed(boolean),
    readableAll: fixed(boolean),
    writableAll: fixed(boolean),
    reusePort: fixed(boolean),
    fd: fixed(whole(0, MOST)),
  },
  socket: {
    // The output of one turn is gathered here already. The kernel would hold its last piece back until the peer
    // acknowledges the one before, which the peer delays: 40 ms for each message that does not fill its packets.
    noDelay: fixed(boolean, true),
    keepAlive: fixed(boolean),
    keepAliveInitialDelay: fixed(waitFrom(0)),
    highWaterMark: fixed(whole(1, MOST)),
  },
};

const ROWS: readonly (readonly [name: string, row: Row])[] = Object.values(TABLE).flatMap((part) =>
  Object.entries<Row>(part),
);

const named = (rows: typeof ROWS): readonly string[] => rows.map(([name]) => name);

/** The names of all options that `configure()` can change. */
export const RUNNING_OPTIONS: readonly string[] = [
  ...POLICY_OPTIONS,
  ...named(ROWS.filter(([, row]) => row.running)),
];

/** All keys of `PreforkOptions`. */
export const PREFORK_OPTIONS: readonly string[] = [
  ...RUNNING_OPTIONS,
  ...named(ROWS.filter(([, row]) => !row.running)),
];

/** All keys of `ListenTarget`. */
export const LISTEN_OPTIONS: readonly string[] = Object.keys(TABLE.listen);

/** One part of the settings: the options that were given, checked, and defaults. Throws `FORKLESS_BAD_OPTION`. */
export function partOf<Part extends keyof OptionParts>(
  part: Part,
  options: Readonly<Record<string, unknown>>,
): OptionParts[Part] {
  const values = Object.entries<Row>(TABLE[part]).flatMap(([name, { check, byDefault }]) => {
    // Not `??` for what is given: a `null` is a mistake to be told, not a wish for the default.
    const { [name]: value = byDefault } = options;
    return value === undefined ? [] : [[name, check(name, value)] as const];
  });
  // The type of the table makes name and value fit.
  return Object.fromEntries(values) as unknown as OptionParts[Part];
}

function whole(least: number, most: number): Check<number> {
  return (name, value) => integer(name, value, least, most);
}

function limitFrom(least: number): Check<number> {
  return (name, value) => limit(name, value, least);
}

function waitFrom(least: number): Check<number> {
  return (name, value) => millis(name, value, least);
}

function waitOrNever(name: string, value: unknown): number {
  return millisOrNever(name, value);
}

const DISPATCHES = ['least-open', 'round-robin', 'least-busy', 'sticky-address'] as const;

function dispatchOf(name: string, value: unknown): Dispatch {
  // What kind of function it is cannot be checked here. What it returns is checked at each call.
  if (typeof value === 'function') return value as DispatchFunction;
  return oneOf(name, value, DISPATCHES);
}

function transportOf(name: string, value: unknown): 'relay' | 'transfer' {
  const transport = oneOf(name, value, ['relay', 'transfer', 'auto']);
  if (transport === 'relay') return transport;
  if (canTransfer()) return 'transfer';
  if (transport === 'auto') return 'relay';
  const expected = `'relay' or 'auto' on Node ${process.version}, which cannot move sockets to threads (24.21, 26.6 and later can)`;
  throw errors.badOption(name, expected, value);
}

const LIMITS: readonly string[] = [
  'maxYoungGenerationSizeMb',
  'maxOldGenerationSizeMb',
  'codeRangeSizeMb',
  'stackSizeMb',
];

function megabytes(name: string, value: unknown): ResourceLimits {
  const expected = `megabytes above 0, of ${LIMITS.join(', ')}`;
  return record(name, value, expected, (key, size) => {
    return LIMITS.includes(key) && (size === undefined || (typeof size === 'number' && size > 0));
  });
}

function variables(name: string, value: unknown): Readonly<Record<string, string | undefined>> {
  return record<string | undefined>(name, value, 'a string', (_, each) => {
    return typeof each === 'string' || each === undefined;
  });
}
