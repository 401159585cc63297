// The common part of the thread hosts on piscina and tinypool.
import { fileURLToPath } from 'node:url';
import { type Worker } from 'node:worker_threads';
import { isWatched, isWatchReport } from '../../common/boot/watch-report.ts';
import { type HostName, type ThreadHost, type ThreadSpec } from './host.ts';
import { OneTask } from './one-task.ts';
import { type Launched, startThread, threadOptions } from './thread.ts';

/** The part of piscina and of tinypool that is used here. */
interface Pool {
  readonly threads: readonly unknown[];
  run(task: unknown, options: object): Promise<unknown>;
  destroy(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
}

type PoolClass = new (options: object) => Pool;

export interface PoolTraits {
  readonly name: Exclude<HostName, 'worker'>;
  readonly options: object;
  /** Takes the Worker out of a member of the pool's `threads`. */
  workerOf(thread: unknown): Worker | undefined;
}

const hasPoolClass = (module: unknown): module is { readonly default: PoolClass } =>
  typeof module === 'object' &&
  module !== null &&
  'default' in module &&
  typeof module.default === 'function';

/** Makes a host on a pool package. The package is loaded only here: that takes 6 to 18 ms, which other hosts save. */
export async function loadPoolHost(traits: PoolTraits): Promise<ThreadHost> {
  const { name } = traits;
  // The name is no literal, so that bundlers leave it alone: no pool survives in a bundle, and piscina stops esbuild.
  const module: unknown = await import(name);
  if (!hasPoolClass(module))
    throw new TypeError(`The package ${name} has no default export to make a pool of`);
  return {
    name,
    start: (spec, exited) => startThread(spec, exited, (given) => launch(module.default, traits, given)),
  };
}

const ignore = (): void => undefined;

const ENTRY = fileURLToPath(new URL('./pool-entry.cjs', import.meta.url));

function launch(PoolOfOne: PoolClass, traits: PoolTraits, spec: ThreadSpec): Launched {
  const queue = new OneTask();
  // The policy decides births and deaths, so the pool must start, reuse and replace no thread by itself.
  const size = { minThreads: 0, maxThreads: 1, idleTimeout: 0, taskQueue: queue };
  const pool = new PoolOfOne({ ...threadOptions(spec), ...traits.options, ...size });
  // Failures before the task runs are told here, and would be thrown if nobody listened. `watch` is told of them too.
  pool.on('error', ignore);
  // The file is named here and not to the pool: there, its failure would leave the task pending for ever.
  const settled = pool.run(spec.boot, { filename: ENTRY, transferList: [spec.boot.port] });
  const drop = (): void => {
    // This is not awaited: with tinypool it never settles, since that waits for an 'exit' which has been.
    pool.destroy().catch(ignore);
  };
  const worker = traits.workerOf(pool.threads[0]);
  if (worker !== undefined) {
    if (isWatched()) hideWatchReports(worker);
    return { worker, settled, drop, ...holding(worker, queue) };
  }
  settled.catch(ignore);
  drop();
  throw new TypeError(`This version of ${traits.name} does not show its thread`);
}

// A pool takes watch reports for messages of its own thread: the first message tells it that the thread is up, and
// tinypool fails by others. Node has passed the reports on already when they come here.
function hideWatchReports(worker: Worker): void {
  const emit = worker.emit.bind(worker) as (event: string, ...args: readonly unknown[]) => boolean;
  worker.emit = (event: string, ...args: readonly unknown[]): boolean =>
    event === 'message' && isWatchReport(args[0]) ? true : emit(event, ...args);
}

function holding(worker: Worker, queue: OneTask): Pick<Launched, 'ref' | 'unref'> {
  let wanted = true;
  const apply = (): void => {
    if (wanted) queue.holder?.ref();
    else queue.holder?.unref();
  };
  // The thread's first message says that it is up; the pool has heard it before us and posted the task.
  worker.once('message', apply);
  return {
    ref: () => {
      wanted = true;
      apply();
    },
    unref: () => {
      wanted = false;
      apply();
      worker.unref();
    },
  };
}
