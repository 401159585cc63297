import { BlockList } from 'node:net';
import { boolean, instance, integer, port, strings, millis, record, text } from '../../common/core/check.ts';
import { type ListenTarget, type PreforkOptions } from './option-types.ts';

type Check = (name: string, value: unknown) => unknown;

// Node's own checks of these come late (in a thread, at the first connection) or not at all.
const whole =
  (least: number, most?: number): Check =>
  (name, value) =>
    integer(name, value, least, most);

const LISTEN: Readonly<Record<keyof ListenTarget, Check>> = {
  port,
  host: text,
  path: text,
  backlog: whole(1, 0x7fff_ffff),
  ipv6Only: boolean,
  exclusive: boolean,
  readableAll: boolean,
  writableAll: boolean,
  reusePort: boolean,
  fd: whole(0, 0x7fff_ffff),
};

type SocketOption = 'noDelay' | 'keepAlive' | 'keepAliveInitialDelay' | 'highWaterMark' | 'blockList';
type ThreadOption = 'resourceLimits' | 'env' | 'argv' | 'execArgv';
type Passed = SocketOption | ThreadOption | 'shutdownWorkers' | 'allowHalfOpen' | 'signal' | 'signals';

const LIMITS: readonly string[] = [
  'maxYoungGenerationSizeMb',
  'maxOldGenerationSizeMb',
  'codeRangeSizeMb',
  'stackSizeMb',
];

const PASSED: Readonly<Record<Passed, Check>> = {
  noDelay: boolean,
  keepAlive: boolean,
  keepAliveInitialDelay: (name, value) => millis(name, value, 0),
  highWaterMark: whole(1, 0x7fff_ffff),
  blockList: (name, value) => {
    instance(name, value, BlockList);
  },
  resourceLimits: (name, value) => {
    record(
      name,
      value,
      `megabytes above 0, of ${LIMITS.join(', ')}`,
      (key, size) => LIMITS.includes(key) && (size === undefined || (typeof size === 'number' && size > 0)),
    );
  },
  env: (name, value) => {
    record(name, value, 'a string', (_, each) => typeof each === 'string' || each === undefined);
  },
  argv: strings,
  execArgv: strings,
  shutdownWorkers: boolean,
  allowHalfOpen: boolean,
  signal: (name, value) => {
    instance(name, value, AbortSignal);
  },
  signals: boolean,
};

const run = (checks: Readonly<Record<string, Check>>, given: object): void => {
  for (const [name, value] of Object.entries(given)) if (value !== undefined) checks[name]?.(name, value);
};

export const LISTEN_OPTIONS: readonly string[] = Object.keys(LISTEN);

/** Checks what is only passed on; throws `FORKLESS_BAD_OPTION`. */
export const checkPassed = (options: PreforkOptions): void => {
  run(PASSED, options);
};

export const checkListen = (target: ListenTarget): void => {
  run(LISTEN, target);
};
