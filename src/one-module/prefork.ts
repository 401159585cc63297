/**
 * `prefork()`, for server and handlers in one module. Used in both threads: it listens in the main thread and serves in
 * a worker.
 */
import { bootSlot } from '../common/boot/boot-data.ts';
import { awaited } from '../common/core/caller.ts';
import { checkObject, onlyKnown } from '../common/core/check.ts';
import { errors } from '../common/core/errors.ts';
import { type OwnCall } from '../common/core/module-call.ts';
import { PREFORK_OPTIONS } from '../main/prefork/option-table.ts';
import { moduleUrl } from '../main/prefork/resolve-options.ts';
import { Prefork } from '../main/prefork/prefork.ts';
import { ownSurroundings } from '../main/prefork/surroundings.ts';
import { HANDLER_NAMES } from '../common/core/handler-names.ts';
import { checkHandlers, type AnyHandlers, type Handlers } from '../worker/session/handlers.ts';
import { placeOfCall } from './call-place.ts';
import { noteCall } from './call-list.ts';
import { serveCall } from './serve-call.ts';
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
  const place = placeOfCall(prefork, module);
  const boot = bootSlot();
  if (boot) return serveCall(boot, module, place, handlers);
  // In the main thread too, though only workers use them: a mistake should show at once and once.
  onlyKnown(options, [...PREFORK_OPTIONS, ...HANDLER_NAMES], 'option or handler');
  const anyHandlers: AnyHandlers = handlers;
  checkHandlers(anyHandlers);
  const rest = Object.fromEntries(Object.entries(options).filter((entry) => !isHandler(entry)));
  let call: (() => OwnCall | undefined) | undefined;
  const server = new Prefork(module, rest, { ...ownSurroundings(), call: () => call?.() });
  try {
    call = noteCall(module, place, handlers);
    prepare?.(server);
    await server.listen();
  } catch (error) {
    // A prefork that has not begun is closed to let the user's signal go.
    await server.close({ grace: 0 });
    throw error;
  }
  return server;
}
