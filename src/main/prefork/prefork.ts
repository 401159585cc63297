// The public class. It guards each call by the state of its life, and leaves the work to the engine behind it.
import { EventEmitter } from 'node:events';
import { type AddressInfo } from 'node:net';
import { type Duplex } from 'node:stream';
import { integer, MAX_WAIT, millis } from '../../common/core/check.ts';
import { type HeldClock } from '../../common/core/clock.ts';
import { errors } from '../../common/core/errors.ts';
import { type Millis, type WorkerId } from '../../common/core/types.ts';
import { portOf } from '../listener/listener.ts';
import { announcer } from './announcer.ts';
import { closeGrace } from './close-grace.ts';
import { checkStream, likeAccepted } from '../listener/connections.ts';
import { ClosingTime } from './closing-time.ts';
import { Lifecycle } from './lifecycle.ts';
import { Listeners, type Address } from './listeners.ts';
import { drain, type DrainReport } from './drain.ts';
import { Engine } from './engine.ts';
import { type Announce, type PreforkEvents } from './events.ts';
import { checkTarget, reconfigure, resolveOptions } from './resolve-options.ts';
import { memoryPair } from '../listener/memory-pair.ts';
import { type Pool } from './pool.ts';
import { reload } from './reload.ts';
import { snapshot, type PreforkStatus } from './status.ts';
import { ownSurroundings, type Surroundings } from './surroundings.ts';
import { Watchers } from './watchers.ts';
import { type RunningOptions, type ListenTarget, type PreforkOptions } from './option-types.ts';
import { type PreforkSettings } from './settings.ts';

/** One pool of workers behind one or more listeners. Made by `createPrefork()` or `prefork()`. */
export class Prefork extends EventEmitter<PreforkEvents> {
  readonly #surroundings: Surroundings;
  readonly #clock: HeldClock;
  readonly #watchers = new Watchers();
  readonly #life: Lifecycle;
  readonly #closingTime: ClosingTime;
  readonly #listeners: Listeners;
  readonly #announce: Announce;
  #settings: PreforkSettings;
  #paused = false;
  #held = true;
  #engine: Engine | undefined;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(worker: unknown, options: PreforkOptions, surroundings: Surroundings = ownSurroundings()) {
    super();
    this.#surroundings = surroundings;
    this.#clock = surroundings.clock;
    this.#announce = announcer(this, surroundings.unheard);
    this.#settings = resolveOptions(worker, options);
    this.#life = new Lifecycle(surroundings.made?.());
    this.#closingTime = new ClosingTime(this.#clock);
    this.#listeners = new Listeners({
      clock: this.#clock,
      life: this.#life,
      announce: this.#announce,
      accepted: (socket, arrived) => {
        // This goes on while it closes: the dispatcher refuses the connection, with its reason in an event.
        if (this.#engine?.entrance) this.#engine.entrance.take(socket, arrived);
        else socket.destroy();
      },
    });
    this.#settings.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Listens, with the target of the options or another one; may be called again for further listeners. The first
   * call also starts the workers and resolves when the first of them is ready (connections that come before wait).
   * Rejects with Node's error when binding fails (EADDRINUSE …), with `FORKLESS_BOOT_FAILED` or
   * `FORKLESS_BOOT_TIMEOUT` when a worker fails to boot before any is ready; then nothing is left behind.
   */
  async listen(target?: ListenTarget): Promise<AddressInfo | string | null> {
    this.#mayBegin('listen()');
    const { listen, socket } = this.#settings;
    const bind = this.#listeners.add(target === undefined ? listen : checkTarget(target), socket);
    return this.#life.state === 'listening' ? bind() : this.#begin(bind);
  }

  /**
   * Starts the workers without a port, and resolves when the first of them is ready: connections come by `accept()`
   * and `connect()`, or by a later `listen()`. Rejects as that does. Once started, does nothing.
   */
  async start(): Promise<void> {
    this.#mayBegin('start()');
    if (this.#life.state === 'idle') await this.#begin(() => Promise.resolve(null));
  }

  /** Address of the first listener, as `net.Server.address()`; `null` when there is none. */
  address(): AddressInfo | string | null {
    return this.#listeners.address();
  }

  /** Its port; `undefined` when it has none, as before `listen()` and on a Unix socket. */
  get port(): number | undefined {
    return portOf(this.address());
  }

  /**
   * Takes over a connection that was accepted elsewhere: any Duplex of bytes that nobody has read from. Its
   * `allowHalfOpen` is set, since the worker's side decides when to end, and `noDelay` and `keepAlive` as the options
   * say. Throws `FORKLESS_BAD_OPTION` for a stream that is destroyed, in object mode, or has an encoding, and for one
   * that was accepted already. A socket that is transferred closes here at once, and listeners and timeouts that were
   * set here are lost.
   */
  accept(stream: Duplex): void {
    this.#running('accept()');
    checkStream(stream);
    stream.allowHalfOpen = true;
    likeAccepted(stream, this.#settings.socket);
    this.#engine?.entrance?.take(stream);
  }

  /** A connection without a network: returns the client's end of it. */
  connect(): Duplex {
    this.#running('connect()');
    const [client, server] = memoryPair();
    this.accept(server);
    return client;
  }

  /**
   * Offers no connection from now on: new ones wait, within `maxWaiting` and `waitTimeout`. With the id of a
   * worker, only that one gets nothing, until it is resumed here or by itself; throws `FORKLESS_NO_SUCH_WORKER`.
   */
  pause(worker?: WorkerId): void {
    const pool = this.#running('pause()');
    if (worker !== undefined) {
      pool.setPaused(pool.known(worker), true);
      return;
    }
    pool.dispatcher.pause();
    if (!this.#paused) this.#announce('paused');
    this.#paused = true;
  }

  /**
   * Offers connections again, to begin with those that wait. With the id of a worker, to that one; throws
   * `FORKLESS_NO_SUCH_WORKER`.
   */
  resume(worker?: WorkerId): void {
    const pool = this.#running('resume()');
    if (worker !== undefined) {
      pool.setPaused(pool.known(worker), false);
      return;
    }
    pool.dispatcher.resume();
    if (this.#paused) this.#announce('resumed');
    this.#paused = false;
  }

  /** Asks one worker to finish and leave; throws `FORKLESS_NO_SUCH_WORKER`. */
  retire(worker: WorkerId): void {
    const pool = this.#running('retire()');
    pool.master.tell({ kind: 'asked', id: pool.known(worker) });
  }

  /**
   * Pauses and waits until at most `until` (default 0) connections are open and none waits, or `deadline`
   * milliseconds (default `graceTime`) have passed. Tells `drainProgress` with each change. Connections that wait
   * still get no worker: `resume()`, or `close()` afterwards.
   */
  async drain({ deadline, until = 0 }: { deadline?: Millis; until?: number } = {}): Promise<DrainReport> {
    const pool = this.#running('drain()');
    const limit = millis('deadline', deadline ?? Math.min(this.#settings.policy.graceTime, MAX_WAIT), 0);
    integer('until', until, 0);
    this.pause();
    return drain(pool, { clock: this.#clock, watchers: this.#watchers, limit, until }, (open, waiting) => {
      this.#announce('drainProgress', { open, waiting });
    });
  }

  /**
   * Replaces all workers by new ones that load the module afresh, each only once its successor is ready. A full pool
   * has one thread more for that, and replaces them one after the other. Resolves when no worker of an older generation
   * takes connections. If a new one does not boot, the old ones stay and it rejects with `FORKLESS_RELOAD_FAILED`.
   * Files of the option `tls` are read anew.
   */
  async reload(): Promise<void> {
    const pool = this.#running('reload()');
    this.#engine?.entrance?.renew();
    const generation = await reload(pool, this.#clock, this.#watchers, (told) => {
      if (this.listenerCount('workerRetiring') === 0) this.#surroundings.unheard.notice(told);
    });
    if (generation === undefined) throw errors.wrongState('reload()', this.#life.state);
    this.#announce('reloaded', { generation });
  }

  /**
   * Changes options while running. Throws `FORKLESS_FIXED_OPTION`, `FORKLESS_UNKNOWN_OPTION` or `FORKLESS_BAD_OPTION`,
   * and then changes nothing.
   */
  configure(options: RunningOptions): void {
    const settings = reconfigure(this.#settings, options);
    this.#engine?.entrance?.configure(settings);
    this.#settings = settings;
    // A pool that has ended has no timers, and must not get new ones.
    if (this.#life.state !== 'closed') this.#engine?.pool.configure(this.#settings);
  }

  /** Everything that is known of the prefork at this instant. */
  status(): PreforkStatus {
    const { state } = this.#life;
    if (this.#engine === undefined) throw errors.wrongState('status()', state);
    return snapshot(this.#engine.pool, this.#clock.now(), {
      state,
      paused: this.#paused,
      closesIn: state === 'closing' ? this.#closingTime.remaining : undefined,
    });
  }

  /**
   * Stops listening, refuses what waits, asks every worker to finish, kills what is left after `grace` milliseconds
   * (default the `graceTime` that was given, else 25 000 at most; 0 at once) and settles, also when a thread cannot be
   * killed (`closed` names it).
   * Calling it again waits for the same end; with a shorter grace it hurries it.
   */
  async close({ grace }: { grace?: Millis } = {}): Promise<void> {
    const least = closeGrace(this.#settings, grace);
    this.#surroundings.unheard.closing(least);
    const master = this.#engine?.pool.master;
    if (master?.state.closing) master.tell({ kind: 'closing', grace: least });
    this.#closingTime.hurry(least);
    await (this.#closing ??= this.#close());
  }

  /** Lets the process stay alive for this prefork (the default). */
  ref(): this {
    return this.#hold(true);
  }

  /** Lets the process end although this prefork listens and its workers run. */
  unref(): this {
    return this.#hold(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #abort = (): void => {
    this.#life.fail(errors.aborted(this.#settings.signal?.reason));
    void this.close();
    this.#watchers.look();
  };

  #mayBegin(call: string): void {
    this.#life.called();
    const { signal } = this.#settings;
    if (signal?.aborted === true) throw errors.aborted(signal.reason);
    this.#life.mayListen(call);
  }

  async #begin(bind: () => Promise<Address>): Promise<Address> {
    this.#life.move('starting');
    const signals = this.#settings.signals ? this.#surroundings.signals : undefined;
    signals?.heed(this, () => this.#engine && this.status());
    try {
      // The pool is made first, since it takes the very first connection. Threads are started once the port is ours.
      const engine = await this.#prepare();
      const address = await bind();
      this.#life.mustStart();
      await engine.start();
      this.#life.move('listening');
      this.#announce('listening', { address });
      return address;
    } catch (error) {
      await this.close({ grace: 0 });
      throw (await signals?.unlessStopped(this, error)) ?? error;
    }
  }

  #hold(held: boolean): this {
    this.#held = held;
    this.#clock.hold(held);
    this.#listeners.hold(held);
    this.#engine?.pool.hold(held);
    return this;
  }

  #running(call: string): Pool {
    if (this.#engine && this.#life.isRunning) return this.#engine.pool;
    throw errors.wrongState(call, this.#life.state);
  }

  async #prepare(): Promise<Engine> {
    const host = await this.#surroundings.loadHost(this.#settings.threadHost);
    // The prefork may have been closed while this call waited. Then nothing is begun any more.
    this.#life.mustStart();
    this.#engine = new Engine({
      surroundings: this.#surroundings,
      settings: this.#settings,
      host,
      life: this.#life,
      watchers: this.#watchers,
      announce: this.#announce,
      address: () => this.address(),
      shutdown: () => void this.close(),
    });
    this.#engine.pool.hold(this.#held);
    this.#engine.open();
    return this.#engine;
  }

  async #close(): Promise<void> {
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    if (this.#life.state === 'idle') {
      this.#life.move('closed');
      return;
    }
    this.#life.move('closing');
    const ports = this.#listeners.close();
    await this.#engine?.close(this.#closingTime);
    await ports;
    this.#listeners.stop();
    this.#life.move('closed');
    this.#announce('closed', { zombies: [...(this.#engine?.pool.handles.keys() ?? [])] });
  }
}
