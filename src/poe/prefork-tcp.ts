/**
 * `PreforkTCP()`, for servers with the parameters of POE::Component::Server::PreforkTCP. Used in both threads: it
 * listens in the main thread and serves in a worker.
 */
import { awaited } from '../common/core/caller.ts';
import { integer } from '../common/core/check.ts';
import { errors } from '../common/core/errors.ts';
import { type OwnCall } from '../common/core/module-call.ts';
import { moduleUrl } from '../main/prefork/resolve-options.ts';
import { Prefork } from '../main/prefork/prefork.ts';
import { ownSurroundings } from '../main/prefork/surroundings.ts';
import { placeOfCall } from '../one-module/call-place.ts';
import { noteCall } from '../one-module/call-list.ts';
import { serveCall } from '../one-module/serve-call.ts';
import { bootSlot } from '../common/boot/boot-data.ts';
import { checkHandlers } from '../worker/session/handlers.ts';
import { checkParameters } from './check-parameters.ts';
import { listenTarget } from './listen-target.ts';
import { Master } from './master-session.ts';
import { type AnyParameters, type MappedOption, type PreforkTCPParameters } from './parameters.ts';
import { poolOptions } from './pool-options.ts';
import { workerHandlers } from './worker-handlers.ts';
import { type PreforkOptions } from '../main/prefork/option-types.ts';

type Warn = (text: string) => void;

const emitWarning: Warn = (text) => {
  process.emitWarning(`PreforkTCP ${text}`, 'PreforkTCPWarning');
};

// The ancestor knows no such limits.
const NO_LIMITS: PreforkOptions = { idleTimeout: Infinity, firstByteTimeout: Infinity };

const ADDRESS: readonly MappedOption[] = ['port', 'host', 'path', 'fd', 'ipv6Only'];

/**
 * A server with the ancestor's parameters: `await PreforkTCP(import.meta.url, { Port: 10000, ClientInput: … })`. In the
 * main thread it listens and resolves; in a worker, which loads the same module, it registers the callbacks and never
 * settles. Rejects with `FORKLESS_BAD_PARAMETER`, `FORKLESS_BAD_OPTION` or `FORKLESS_BAD_HANDLERS` for bad parameters,
 * and as `Prefork.listen()` does; what it only warns of is a process warning.
 */
export function PreforkTCP<In = string, Out = string>(
  url: URL | string,
  parameters: PreforkTCPParameters<In, Out>,
): Promise<Master> {
  return awaited(PreforkTCP, () => preforkTCP(url, parameters));
}

async function preforkTCP<In, Out>(
  url: URL | string,
  parameters: PreforkTCPParameters<In, Out>,
): Promise<Master> {
  // Methods are bivariant; the record types meet again in the filters.
  const given: AnyParameters = parameters;
  const module = moduleUrl(url, 'url', 'the URL or absolute path of this module, as import.meta.url');
  const place = placeOfCall(PreforkTCP, module);
  const boot = bootSlot();
  // What is wrong with the parameters was told once, in the main thread.
  const warn = boot ? () => undefined : emitWarning;
  checkParameters(given, warn);
  const maxEvents = integer('MaxEvents', given.MaxEvents ?? 10_000, 1);
  const handlers = workerHandlers(given, maxEvents);
  if (boot) return serveCall(boot, module, place, handlers);
  checkHandlers(handlers);
  let call: (() => OwnCall | undefined) | undefined;
  const server = new Prefork(module, preforkOptions(given, warn), {
    ...ownSurroundings(),
    call: () => call?.(),
  });
  const master = new Master(server, given, maxEvents, warn);
  try {
    call = noteCall(module, place, callbacksOf(given));
    await server.listen();
    master.started();
  } catch (error) {
    master.failed(error);
    await server.close({ grace: 0 });
    throw error;
  }
  return master;
}

/** What workers do by: all that is neither text nor a number. */
const callbacksOf = (given: AnyParameters): object =>
  Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value === Object(value) && name !== 'Forkless'),
  );

/** The parameters as options of ours. Throws `FORKLESS_BAD_PARAMETER` and `FORKLESS_BAD_OPTION`. */
export function preforkOptions(parameters: AnyParameters, warn: Warn): PreforkOptions {
  const { Forkless = {}, ShutdownChildren = 0 } = parameters;
  const mapped = {
    ...poolOptions(parameters, warn),
    ...listenTarget(parameters),
    shutdownWorkers: Boolean(ShutdownChildren),
  };
  const names = ['worker', ...ADDRESS, ...Object.keys(mapped)];
  const twice = Object.keys(Forkless).find((name) => names.includes(name));
  if (twice === undefined) return { ...NO_LIMITS, ...Forkless, ...mapped };
  throw errors.badParameter(
    `has a parameter of its own for \`${twice}\`; give that instead of Forkless.${twice}`,
  );
}
