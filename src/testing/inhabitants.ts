/**
 * Tells the code of several workers that share a thread apart, and gives each a `process.exit()` of its own. Runs in
 * the thread of the test.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { lendBootSlot, type BootSlot, type TransferGiven } from '../common/boot/boot-data.ts';
import { postAsUser } from '../worker/thread/parent-port.ts';
import { Belongings } from './belongings.ts';
import { lendParentPort } from './lent-parent-port.ts';

/** A worker that shares this thread with others. */
export interface Inhabitant {
  readonly slot: BootSlot;
  /** Whether one of its handlers is on the stack: only then is there someone to catch a `ThreadEnded`. */
  readonly inHandler: boolean;
  /** Its code has called `process.exit()`. */
  exit(code: number): void;
}

type ExitListener = (code: number) => void;

/** Thrown by `process.exit()` of an inline worker, so that its handler goes no further. */
export class ThreadEnded extends Error {}

const storage = new AsyncLocalStorage<Inhabitant | undefined>();
const living = new Set<Inhabitant>();
const exitListeners = new WeakMap<Inhabitant, Set<ExitListener>>();
let undo: (() => void)[] = [];

const belongings = new Belongings<Inhabitant>(() => storage.getStore());

/** Runs the code of a worker: whatever it starts counts as its own. */
export const runInside = <T>(inhabitant: Inhabitant, run: () => T): T => storage.run(inhabitant, run);

/** Runs the master's code, also where a worker's brought it about. */
export const runOutside = <T>(run: () => T): T => storage.run(undefined, run);

/** From now on the code of `inhabitant` is told from that of others. */
export function moveIn(inhabitant: Inhabitant): void {
  if (living.size === 0)
    undo = [
      lendBootSlot(() => storage.getStore()?.slot),
      lendParentPort(postOf),
      interceptExit(),
      noteExitListeners(),
    ];
  living.add(inhabitant);
  belongings.watch();
}

function postOf(): ((...message: [unknown, TransferGiven?]) => void) | undefined {
  const slot = storage.getStore()?.slot;
  return (
    slot &&
    ((value, transfer) => {
      postAsUser(slot, value, transfer);
    })
  );
}

/** Things that its code has opened hold the process no longer. */
export const letGoOf = (inhabitant: Inhabitant): void => {
  belongings.letGo(inhabitant);
};

/** Calls what its code has on the 'exit' of the process: for a thread that is its own end. */
export function tellExit(inhabitant: Inhabitant, code: number): void {
  for (const listener of exitListeners.get(inhabitant) ?? [])
    runInside(inhabitant, () => {
      listener(code);
    });
}

/** The inverse. Its timers end with it; what else it still holds, `leftBy` tells. */
export function moveOut(inhabitant: Inhabitant): void {
  living.delete(inhabitant);
  belongings.clearTimers(inhabitant);
  for (const listener of exitListeners.get(inhabitant) ?? []) process.off('exit', listener);
  if (living.size > 0) return;
  for (const each of undo.splice(0)) each();
  belongings.rest();
}

/** Whether a worker that has moved out may still hold the process. */
export const mayHaveLeft = (inhabitant: Inhabitant): boolean => belongings.has(inhabitant);

/** The things with which a worker that has moved out still holds the process, in words. They are told once. */
export function leftBy(inhabitant: Inhabitant): string[] {
  const left = belongings.describe(inhabitant);
  belongings.forget(inhabitant);
  if (living.size === 0) belongings.rest();
  return left;
}

function noteExitListeners(): () => void {
  const note = (event: string | symbol, listener: ExitListener): void => {
    const inhabitant = storage.getStore();
    if (event !== 'exit' || inhabitant === undefined) return;
    const noted = exitListeners.get(inhabitant) ?? new Set();
    exitListeners.set(inhabitant, noted.add(listener));
  };
  process.on('newListener', note);
  return () => {
    process.off('newListener', note);
  };
}

// In a thread it ends the thread; here it would end the tests.
function interceptExit(): () => void {
  const exit = process.exit.bind(process);
  const before: unknown = Reflect.get(process, 'exit');
  const mine = (code?: string | number | null): undefined => {
    const inhabitant = storage.getStore();
    if (inhabitant === undefined) return exit(code);
    const { inHandler } = inhabitant;
    inhabitant.exit(Number(code ?? process.exitCode ?? 0));
    if (inHandler) throw new ThreadEnded();
    return undefined;
  };
  Reflect.set(process, 'exit', mine);
  return () => {
    if (Reflect.get(process, 'exit') === mine) Reflect.set(process, 'exit', before);
  };
}
