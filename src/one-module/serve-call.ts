/** Serves the handlers of a call of `prefork()` where it is the worker's own. Runs in a worker. */
import { type BootSlot } from '../common/boot/boot-data.ts';
import { isSameCall, type CallPlace } from '../common/core/module-call.ts';
import { type AnyHandlers } from '../worker/session/handlers.ts';
import { callOf, serve } from '../worker/runtime/serve.ts';

/** Serves where the worker has come by the call that it belongs to; never settles. */
export function serveCall(
  boot: BootSlot,
  module: string,
  place: CallPlace | undefined,
  handlers: AnyHandlers,
): Promise<never> {
  if (isOwnCall(boot, module, place)) serve(handlers);
  return new Promise<never>(() => undefined);
}

// Called by another module, as in a timer of its own.
const NOWHERE: CallPlace = { at: '', path: '', exact: true };

function isOwnCall(boot: BootSlot, module: string, place: CallPlace = NOWHERE): boolean {
  // A worker may load modules that are preforks of their own in the main thread; here they are nothing. A test runner that
  // transforms modules may take the query off that makes one of each worker's.
  if (![boot.url, boot.loadedAs].includes(module)) return false;
  if (boot.isCalled === true) return false;
  const own = callOf(boot);
  boot.isCalled = own === undefined || isSameCall(own, place);
  if (!boot.isCalled) (boot.passed ??= []).push(place.at);
  return boot.isCalled;
}
