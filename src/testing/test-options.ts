/** The options of `testPrefork()`: their types and their check. Runs in the thread of the test. */
import { type Millis } from '../common/core/types.ts';
import { integer } from '../common/core/check.ts';
import { errors } from '../common/core/errors.ts';
import { type Load } from './inline-host.ts';
import { type PreforkOptions } from '../main/prefork/option-types.ts';

const OF_THREADS = ['threadHost', 'resourceLimits', 'env', 'argv', 'execArgv'] as const;

/** Options of a prefork for tests. Options that only a thread can have are refused. */
export interface TestOptions extends Omit<PreforkOptions, (typeof OF_THREADS)[number]> {
  /** The module with the handlers, as for `createPrefork()`; each worker loads one of its own. */
  readonly worker: URL | string;
  /**
   * Imports the module of a worker: `(url) => import(url)` in the test itself, where the test runner is to transform
   * it as it does the test. The URL has a query that differs for each worker. Default: Node imports it.
   */
  readonly load?: ((url: string) => unknown) | undefined;
  /** At least 0 and less than 1; for jitter. Default always 0: no jitter. */
  readonly random?: (() => number) | undefined;
  /** How long to wait in real time for what does not come, before an error says so. Default 4 000 ms. */
  readonly patience?: Millis | undefined;
}

export interface TestSettings {
  readonly worker: URL | string;
  readonly load: Load | undefined;
  readonly random: () => number;
  readonly patience: Millis;
  readonly options: PreforkOptions;
}

const none = (): number => 0;

/** Throws `FORKLESS_BAD_OPTION` or `FORKLESS_UNKNOWN_OPTION`; what is the prefork's own, that checks. */
export function checkTestOptions(given: TestOptions): TestSettings {
  const { worker, load, random = none, patience = 4_000, ...options } = given;
  for (const name of OF_THREADS)
    if (name in options)
      throw errors.badOption(
        name,
        'left out: inline workers have no thread of their own',
        Reflect.get(options, name),
      );
  for (const [name, value] of Object.entries({ load, random }))
    if (value !== undefined && typeof value !== 'function') throw errors.badOption(name, 'a function', value);
  return { worker, load, random, patience: integer('patience', patience, 1), options };
}
