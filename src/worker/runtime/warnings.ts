/** Process warnings of errors that peers can cause, at a bounded rate. */
import { Ration, type RationLimits, type Rationed } from '../../common/core/ration.ts';
import { fromPlain, isError, toPlain } from '../../common/core/thrown.ts';

/** A warning of the process, by which something is told that a peer has brought about. */
interface Warning {
  /** Anything that was thrown, or text. */
  readonly about: unknown;
  readonly type: string;
}

// Each one goes to the standard error of the process, by way of the main thread.
const WARNINGS: RationLimits = { interval: 1_000, most: 10, mostOfOne: 10 };

const ration = new Ration<Warning>(WARNINGS);
let timer: NodeJS.Timeout | undefined;

/** Warns as `process.emitWarning()`, but never throws; of more than ten a second, only how many of that type there were. */
export function warn(about: unknown, type: string): void {
  const now = performance.now();
  const warning = { about, type };
  if (ration.admits(warning, type, undefined, now)) emit({ item: warning, repeated: 0 });
  else timer ??= setTimeout(tellRest, Math.max(0, (ration.wakeAt ?? now) - now)).unref();
}

function tellRest(): void {
  timer = undefined;
  for (const each of ration.due(performance.now())) emit(each);
}

function emit({ item: { about, type }, repeated }: Rationed<Warning>): void {
  const detail = repeated === 0 ? undefined : `and ${repeated} more like it`;
  if (typeof about === 'string')
    process.emitWarning(about, { type, ...(detail !== undefined && { detail }) });
  // A copy: Node looks at an error by itself, when it prints it, and what that throws would end the thread.
  else process.emitWarning(Object.assign(errorOf(about, type), { cause: about, detail }));
}

function errorOf(thrown: unknown, type: string): Error {
  const plain = toPlain(thrown);
  return fromPlain(isError(thrown) ? plain : { ...plain, name: type });
}
