// Either thread: the same call makes the prefork in the main thread and serves in a worker.
import { bootSlot, type BootSlot } from '../common/boot/boot-data.ts';
import { awaited } from '../common/core/caller.ts';
import { checkObject, onlyKnown } from '../common/core/check.ts';
import { errors } from '../common/core/errors.ts';
import { callOf } from '../common/core/module-call.ts';
import { PREFORK_OPTIONS } from '../main/prefork/option-table.ts';
import { moduleUrl } from '../main/prefork/options.ts';
import { Prefork } from '../main/prefork/prefork.ts';
import { HANDLER_NAMES } from '../common/core/handler-names.ts';
import { checkHandlers, type AnyHandlers, type Handlers } from '../worker/session/handlers.ts';
import { serve } from '../worker/runtime/serve.ts';
import { numbered } from './calls.ts';
import { type PreforkOptions } from '../main/prefork/option-types.ts';

/**
 * Server and handlers in one module: `await prefork(import.meta.url, { port, clientInput, … })`. In the main thread it
 * creates a `Prefork`, listens and resolves with it. In a worker, which loads the same module, it registers the
 * handlers, and its promise never settles: what follows `await prefork(…)` runs in the main thread only.
 * `prepare` is called in the main thread, with the prefork before it listens: the place to listen for events from the
 * first birth on. Rejects as `Prefork.listen()` does, and with what `prepare` throws.
 */
export function prefork<Heap extends object = Record<string, unknown>, In = string, Out = string>(
  url: URL | string,
  options: PreforkOptions & Handlers<Heap, In, Out>,
  prepare?: (server: Prefork) => void,
): Promise<Prefork> {
  return awaited(prefork, () => preforkOf(url, options, prepare));
}

const PREPARE =
  'a function (options and handlers are one object, the second argument of prefork(): { port, ...http(app) })';

async function preforkOf<Heap extends object, In, Out>(
  url: URL | string,
  options: PreforkOptions & Handlers<Heap, In, Out>,
  prepare: ((server: Prefork) => void) | undefined,
): Promise<Prefork> {
  const module = moduleUrl(url, 'url', 'the URL or absolute path of this module, as import.meta.url');
  checkObject('options', options);
  if ('worker' in options) throw errors.strayWorker();
  if (prepare !== undefined && typeof prepare !== 'function')
    throw errors.badOption('prepare', PREPARE, prepare);
  const isHandler = ([key]: [string, unknown]): boolean => HANDLER_NAMES.includes(key);
  // Exactly the keys of `Handlers`, by the filter.
  const handlers = Object.fromEntries(Object.entries(options).filter(isHandler)) as Handlers<Heap, In, Out>;
  const boot = bootSlot();
  if (boot) {
    if (isOwnCall(boot, module)) serve(handlers);
    return new Promise<never>(() => undefined);
  }
  // In the main thread too, though only workers use them: a mistake should show at once and once.
  onlyKnown(options, [...PREFORK_OPTIONS, ...HANDLER_NAMES], 'option or handler');
  const anyHandlers: AnyHandlers = handlers;
  checkHandlers(anyHandlers);
  const rest = Object.fromEntries(Object.entries(options).filter((entry) => !isHandler(entry)));
  let over = false;
  const server = own(module, rest, handlers, () => over);
  try {
    prepare?.(server);
    await server.listen();
  } catch (error) {
    over = true;
    // One that has not begun is closed for what it holds: the user's signal.
    await server.close({ grace: 0 });
    throw error;
  }
  return server;
}

/** The prefork of this call, whose workers know it from other calls in their module. */
function own(module: string, options: PreforkOptions, handlers: object, hasFailed: () => boolean): Prefork {
  let server: Prefork | undefined;
  let isOver = (): boolean => hasFailed() || isClosed(server);
  try {
    server = new Prefork(
      numbered(module, handlers, () => isOver()),
      options,
    );
    return server;
  } catch (error) {
    isOver = () => true;
    throw error;
  }
}

// One that is starting has no status yet.
function isClosed(server: Prefork | undefined): boolean {
  try {
    return server?.status().state === 'closed';
  } catch {
    return false;
  }
}

/** Whether a worker has come by the call that it belongs to. */
function isOwnCall(boot: BootSlot, given: string): boolean {
  const { module, number } = callOf(boot.url);
  // A worker may load modules that are preforks of their own in the main thread; here they are nothing. A test runner that
  // transforms modules may take the query off that makes one of each worker's.
  if (![module, boot.loadedAs].includes(callOf(given).module)) return false;
  boot.calls = (boot.calls ?? 0) + 1;
  return boot.calls === number;
}
