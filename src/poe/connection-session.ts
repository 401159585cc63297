/** The POE session of one connection. Runs in a worker. */
import { errors } from '../common/core/errors.ts';
import { asError, isPromise } from '../common/core/thrown.ts';
import { destroyStream } from '../common/user-code/guarded.ts';
import { type Client } from '../worker/session/client.ts';
import { type ClientInfo } from '../worker/session/client-info.ts';
import { Call } from './call.ts';
import { type Target, type SessionInfo } from './sessions.ts';
import { EventQueue } from './event-queue.ts';
import { Kernel } from './kernel.ts';
import { type ClientCallback, type ConnectionHeap } from './parameters.ts';
import { settled } from './settled.ts';
import { type WorkerSetup } from './worker-setup.ts';
import { Wheel, type WheelEvents } from './wheel.ts';

type Heap = ConnectionHeap<unknown, unknown>;

/** The session of one connection: its heap, its events, and the call of its callbacks. */
export class ConnectionSession implements Target {
  readonly ID: number;
  readonly heap: Heap;
  readonly kernel: Kernel;
  readonly queue: EventQueue;
  readonly #setup: WorkerSetup;
  readonly #info: ClientInfo;
  #client: Client<unknown, unknown> | undefined;
  #redirected: WheelEvents = {};

  constructor(setup: WorkerSetup, info: ClientInfo, workerId: number) {
    const { sessions, maxEvents, parameters, masterAlias } = setup;
    this.#setup = setup;
    this.#info = info;
    this.ID = info.id;
    this.queue = new EventQueue(maxEvents);
    this.kernel = new Kernel(workerId, this, sessions);
    // Its type says what it has while callbacks run with a client; before and after there is none.
    this.heap = {
      remote_ip: info.remoteAddress ?? 'LOCAL',
      remote_port: info.remotePort,
      shutdown: 0,
      shutdown_on_error: Number(parameters.ClientShutdownOnError ?? true),
      master_alias: masterAlias,
    } as unknown as Heap;
    sessions.add(this.ID, this);
    // Behind our own listener there, which calls ClientDisconnected.
    info.socket.once('close', () => {
      this.queue.close();
      sessions.forget(this);
    });
  }

  connected(client: Client<unknown, unknown>): void {
    this.#client = client;
    this.heap.client = new Wheel(client, (events) => {
      for (const event of Object.values(events) as readonly (string | undefined)[]) {
        if (event !== undefined) this.check(event);
      }
      this.#redirected = { ...this.#redirected, ...events };
    });
  }

  /** Calls the callback of a parameter, if there is one. */
  run(callback: ClientCallback, args: readonly unknown[]): unknown {
    // Its arguments are those that the parameter's type names.
    return this.#ran(
      this.#setup.parameters[callback]?.(this.#call(callback, args, this, undefined) as never),
    );
  }

  /** As `run`, unless the wheel was told to send this to another event. */
  tell(event: keyof WheelEvents, callback: ClientCallback, args: readonly unknown[]): unknown {
    if (!this.isRedirected(event)) return this.run(callback, args);
    const other = this.#redirected[event];
    return other === undefined ? undefined : this.dispatch(other, args, this);
  }

  /** Whether any callback is called for it. */
  hears(event: keyof WheelEvents, callback: ClientCallback): boolean {
    if (this.isRedirected(event)) return this.#redirected[event] !== undefined;
    return this.#setup.parameters[callback] !== undefined;
  }

  isRedirected(event: keyof WheelEvents): boolean {
    return event in this.#redirected;
  }

  check(event: string): void {
    const { states } = this.#setup;
    if (event === 'shutdown' || states.has(event) || states.has('_default')) return;
    const known = ['shutdown', ...states.keys()].join(', ');
    throw errors.badParameter(`has no event "${event}" in this session; known are: ${known}`);
  }

  dispatch(event: string, args: readonly unknown[], sender: SessionInfo): unknown {
    const { states } = this.#setup;
    const state = states.get(event);
    if (state !== undefined) return this.#ran(state.run(this.#call(event, args, sender, state.object)));
    if (event === 'shutdown') {
      this.shutdown();
      return undefined;
    }
    const byDefault = states.get('_default');
    if (byDefault !== undefined)
      return this.#ran(byDefault.run(this.#call('_default', [event, args], sender, byDefault.object)));
    this.check(event);
    return undefined;
  }

  deliver(event: string, args: readonly unknown[], sender: SessionInfo): void {
    const failed = (error: unknown): void => {
      if (this.#client === undefined) destroyStream(this.#info.socket, asError(error));
      // Not the value itself: `undefined` would be no error.
      else this.#client.destroy(asError(error));
    };
    try {
      const result = this.dispatch(event, args, sender);
      if (isPromise(result)) settled(result).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** The event `shutdown`: input is ignored from now on, output is flushed, then the connection closes. */
  shutdown(): void {
    this.heap.shutdown = 1;
    if (this.#client === undefined) this.#info.socket.destroy();
    else this.#client.shutdown();
  }

  // To delete the wheel is the ancestor's way to hang up at once. Else nobody could close the connection any more.
  #ran(result: unknown): unknown {
    const look = (): void => {
      if (!Object.hasOwn(this.heap, 'client')) this.#client?.destroy();
    };
    if (this.#client === undefined) return result;
    if (isPromise(result)) return settled(result).finally(look);
    look();
    return result;
  }

  #call(
    state: string,
    args: readonly unknown[],
    sender: SessionInfo,
    object: unknown,
  ): Call<readonly unknown[], Heap> {
    const { heap, kernel } = this;
    return new Call({ heap, kernel, session: this, sender, state, object, args });
  }
}
