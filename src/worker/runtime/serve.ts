/** `serve()`, by which a worker module registers its handlers. */
import { called } from '../../common/core/caller.ts';
import { type OwnCall } from '../../common/core/module-call.ts';
import { errors } from '../../common/core/errors.ts';
import { bootSlot, type BootSlot } from '../../common/boot/boot-data.ts';
import { nodeThread } from '../thread/node-thread.ts';
import { type WorkerSettings } from '../../common/wire/messages.ts';
import { checkHandlers, type AnyHandlers, type Handlers } from '../session/handlers.ts';
import { Runtime } from './runtime.ts';

function isSettings(settings: unknown): settings is WorkerSettings {
  return typeof settings === 'object' && settings !== null && 'leases' in settings;
}

/** The call of `prefork()` that the worker belongs to. */
export const callOf = ({ settings }: BootSlot): OwnCall | undefined =>
  isSettings(settings) ? settings.call : undefined;

// One in a thread; where several workers share one, each has a slot of its own.
const serving = new WeakSet<BootSlot>();

/**
 * Registers the handlers of this worker; call it once, in the module given as `worker` to `createPrefork()`. The
 * worker is ready when `workerStarted` has settled. Throws `FORKLESS_NOT_A_WORKER` elsewhere and
 * `FORKLESS_BAD_HANDLERS` for unknown or contradictory handlers, or when called again.
 */
export function serve<Heap = Record<string, unknown>, In = string, Out = string>(
  handlers: Handlers<Heap, In, Out>,
): void {
  called(serve, () => {
    begin(handlers);
  });
}

function begin(handlers: AnyHandlers): void {
  const boot = bootSlot();
  if (!boot || !isSettings(boot.settings)) throw errors.notAWorker('serve()');
  checkHandlers(handlers);
  if (serving.has(boot)) throw errors.badHandlers('serve() was called before in this worker');
  serving.add(boot);
  boot.serves = true;
  const { port, settings, thread = nodeThread(boot) } = boot;
  void new Runtime({ port, settings, thread, handlers }).start();
}
