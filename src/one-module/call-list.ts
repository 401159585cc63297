/** The list of all calls of `prefork()`, from which a worker learns how to find its own. Runs in the main thread. */
import { errors } from '../common/core/errors.ts';
import { isSamePlace, type CallPlace, type OwnCall } from '../common/core/module-call.ts';

/** Calls of `prefork()` with the same handlers at one place. Nothing of a prefork is kept. */
interface Made extends CallPlace {
  readonly handlers: ReadonlyMap<string, unknown>;
  /** A worker was told that no other call stands there. */
  toldAlone: boolean;
}

/** By the URLs of their modules. */
const made = new Map<string, Made[]>();

/**
 * Notes a call, and returns what a worker of its prefork is to be told of it, asked for at its birth. A worker finds its call
 * by the place. Throws `FORKLESS_BAD_HANDLERS` where that cannot tell it from an earlier one with other handlers, as in a
 * loop: also from one that is closed, for a worker runs the module anew and comes by that one first.
 */
export function noteCall(
  module: string,
  place: CallPlace | undefined,
  given: object,
): () => OwnCall | undefined {
  if (place === undefined) return () => undefined;
  const before = made.get(module) ?? [];
  const same = before.find((other) => isConfused(other, place));
  if (same && !haveSame(same.handlers, given)) throw errors.samePlace(place.at);
  const call = same ?? { ...place, handlers: referencesTo(given), toldAlone: false };
  if (!same) made.set(module, [...before, call]);
  return () => ownCall(made.get(module) ?? [], call);
}

/** Whether a worker might take one for the other. */
function isConfused(before: Made, { at, path, exact }: CallPlace): boolean {
  if (before.at === '' || at === '') return true;
  const both = before.exact && exact;
  return isSamePlace(before.path, path, both) || (before.toldAlone && isSamePlace(before.at, at, both));
}

function ownCall(all: readonly Made[], call: Made): OwnCall {
  const { at, path, exact } = call;
  const others = all.filter((other) => other !== call);
  const alone = !others.some((other) => isSamePlace(other.at, at, other.exact && exact));
  if (alone) call.toldAlone = true;
  return { at, path, exact, alone, single: others.length === 0 };
}

// What is compared only must not keep alive what the handlers of a closed prefork hold.
const referencesTo = (handlers: object): ReadonlyMap<string, unknown> =>
  new Map(
    Object.entries(handlers).map(([name, value]: [string, unknown]) => [
      name,
      isReferable(value) ? new WeakRef(value) : value,
    ]),
  );

const isReferable = (value: unknown): value is object =>
  typeof value === 'function' || (typeof value === 'object' && value !== null);

function haveSame(before: ReadonlyMap<string, unknown>, given: object): boolean {
  const entries = Object.entries(given);
  return (
    entries.length === before.size &&
    entries.every(([name, value]) => {
      const kept = before.get(name);
      return before.has(name) && Object.is(kept instanceof WeakRef ? kept.deref() : kept, value);
    })
  );
}
