/** The process warning that a prefork was made and never begun. */
import { framesOf, placeOf } from './place.ts';

/** A prefork that was made, and of which nothing was asked yet. */
interface Unbegun {
  readonly place: string | undefined;
}

const unbegun = new Set<Unbegun>();

/**
 * Notes that a prefork was made. Returns what is to be called when it is to begin or close. The process that ends by itself
 * before that would print nothing, so a process warning says that nobody has called `listen()`.
 */
export function noteMade(): () => void {
  const made: Unbegun = { place: placeOf(framesOf(new Error('made'))) };
  if (unbegun.size === 0) process.on('beforeExit', tell);
  unbegun.add(made);
  return () => {
    if (unbegun.delete(made) && unbegun.size === 0) process.off('beforeExit', tell);
  };
}

function tell(): void {
  const [first] = unbegun;
  const at = first?.place === undefined ? '' : ` at ${first.place}`;
  const others = unbegun.size === 1 ? '' : ` (and ${unbegun.size - 1} more like it)`;
  unbegun.clear();
  process.off('beforeExit', tell);
  process.emitWarning(
    `The prefork that was made${at} has never begun${others}. Call listen(), or start() where connections come by accept() and connect()`,
    { type: 'ForklessWarning', code: 'FORKLESS_NEVER_BEGUN' },
  );
}
