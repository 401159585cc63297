/**
 * The list of timers, ports, sockets and the like that the code of each worker has opened. Runs in the thread of the
 * test.
 */
import { createHook, type AsyncHook } from 'node:async_hooks';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Holding {
  hasRef(): boolean;
  unref?(): unknown;
}

interface Belonging<Owner> {
  readonly owner: Owner;
  readonly type: string;
  readonly resource: WeakRef<Holding>;
  readonly stack: string;
}

const isHolding = (resource: object): resource is Holding =>
  'hasRef' in resource && typeof resource.hasRef === 'function';

/** The things that the code of each owner has opened and that can hold the process: timers, ports, sockets, servers. */
export class Belongings<Owner extends object> {
  readonly #open = new Map<number, Belonging<Owner>>();
  readonly #hook: AsyncHook;

  /** `running` tells whose code runs. */
  constructor(running: () => Owner | undefined) {
    this.#hook = createHook({
      init: (id, type, _trigger, resource: object) => {
        const owner = running();
        // An Immediate is over with this turn of the loop.
        if (owner === undefined || type === 'Immediate' || !isHolding(resource)) return;
        const stack = type === 'Timeout' ? '' : (new Error().stack ?? '');
        this.#open.set(id, { owner, type, resource: new WeakRef(resource), stack });
      },
      destroy: (id) => this.#open.delete(id),
    });
  }

  watch(): void {
    this.#hook.enable();
  }

  /** Ends the watch, unless something is still open. */
  rest(): void {
    if (this.#open.size === 0) this.#hook.disable();
  }

  /** Clears the timers of an owner that hold the process. Others are Node's or a package's, and may serve everybody. */
  clearTimers(owner: Owner): void {
    for (const { resource } of this.#of(owner, 'Timeout')) {
      const timer = resource.deref();
      if (timer?.hasRef() === true) clearTimeout(timer as NodeJS.Timeout);
    }
  }

  /** Nothing of an owner holds the process any longer. */
  letGo(owner: Owner): void {
    for (const { resource } of this.#of(owner)) resource.deref()?.unref?.();
  }

  /** The things with which an owner holds the process, timers apart, in words. */
  describe(owner: Owner): string[] {
    return this.#of(owner)
      .filter(({ type, resource }) => type !== 'Timeout' && resource.deref()?.hasRef() === true)
      .map(({ type, stack }) => `${type}${placeOf(stack)}`);
  }

  /** Whether it has anything that is still open. */
  has(owner: Owner): boolean {
    return this.#of(owner).length > 0;
  }

  forget(owner: Owner): void {
    for (const [id, belonging] of this.#open) if (belonging.owner === owner) this.#open.delete(id);
  }

  #of(owner: Owner, type?: string): Belonging<Owner>[] {
    return [...this.#open.values()].filter(
      (belonging) => belonging.owner === owner && (type === undefined || belonging.type === type),
    );
  }
}

// The innermost line that is not Node's, behind that of the hook itself.
function placeOf(stack: string): string {
  const line = stack
    .split('\n')
    .slice(2)
    .find((frame) => !frame.includes('node:'));
  const place = /(?:file:\/\/|\/)[^()]*:\d+:\d+/.exec(line ?? '')?.[0];
  // What comes only after a look-up or the like was opened by nobody in particular.
  if (place === undefined) return '';
  const [path = '', query = ''] = place.split('?');
  const position = /:\d+:\d+$/.exec(query)?.[0] ?? '';
  return ` opened at ${relative(process.cwd(), path.startsWith('file:') ? fileURLToPath(path) : path)}${position}`;
}
