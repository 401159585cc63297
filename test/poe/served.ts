import { type AnyParameters, type PreforkTCPParameters } from '../../src/poe/parameters.ts';
import { workerHandlers } from '../../src/poe/worker-handlers.ts';
import { type WorkerContext } from '../../src/worker/session/handlers.ts';
import { serve, worker, type Served, type ServeOptions } from '../worker/session/conversation-log.ts';

export interface TCP extends Served {
  /** The callbacks that were given, in their order, with what they got: `Input[a]`. */
  readonly log: string[];
  /** What was asked of the worker. */
  readonly asked: string[];
}

const CALLBACKS = [
  'ClientPreConnect',
  'ClientConnected',
  'ClientInput',
  'ClientFlushed',
  'ClientHigh',
  'ClientLow',
  'ClientError',
  'ClientDisconnected',
] as const;

/** Serves one in-memory connection with the ancestor's parameters. */
export function serveTCP<In = string, Out = string>(
  parameters: PreforkTCPParameters<In, Out>,
  options: ServeOptions & { readonly maxEvents?: number } = {},
): TCP {
  const log: string[] = [];
  const asked: string[] = [];
  const ask = (name: string) => (): void => void asked.push(name);
  const context: WorkerContext = {
    ...worker,
    retire: ask('retire'),
    pause: ask('pause'),
    resume: ask('resume'),
    shutdown: ask('shutdown'),
  };
  const handlers = workerHandlers(logged(parameters, log), options.maxEvents ?? 10_000);
  handlers.workerStarted?.(context);
  return { ...serve(handlers, options), log, asked };
}

function logged(parameters: AnyParameters, log: string[]): AnyParameters {
  const given = CALLBACKS.filter((name) => parameters[name] !== undefined);
  const wrapped = given.map((name) => [
    name,
    (call: { readonly heap: Record<string, unknown>; readonly args: readonly unknown[] }) => {
      log.push(said(name, call));
      return parameters[name]?.(call as never);
    },
  ]);
  return { ...parameters, ...Object.fromEntries(wrapped) } as AnyParameters;
}

function said(
  name: string,
  { heap, args }: { readonly heap: Record<string, unknown>; readonly args: readonly unknown[] },
): string {
  const short = name.replace('Client', '');
  if (short === 'Disconnected') {
    const { shutdown, got_an_error: gotAnError, client } = heap;
    return `Disconnected(${String(shutdown)},${String(gotAnError)},${client ? 'client' : 'no client'})`;
  }
  if (short === 'Input') return `Input[${String(args[0])}]`;
  if (short === 'Error') return `Error(${args.slice(0, 3).join(',')})`;
  return short === 'Connected' ? `Connected(${args.join(',')})` : short;
}
