import { EventEmitter } from 'node:events';
import { type AddressInfo, type Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { integer, MAX_WAIT, millis } from '../../common/core/check.ts';
import { type HeldClock } from '../../common/core/clock.ts';
import { errors } from '../../common/core/errors.ts';
import { asError } from '../../common/core/thrown.ts';
import { type ExitReason, type Millis, type WorkerId } from '../../common/core/types.ts';
import { Listener, portOf } from '../listener/listener.ts';
import { type WorkerExit } from '../master/worker-handle.ts';
import { AcceptTrouble } from '../listener/accept-trouble.ts';
import { announcer } from './announcer.ts';
import { Entrance } from '../listener/entrance.ts';
import { closeGrace } from './close-grace.ts';
import { checkStream, likeAccepted, type Tally } from '../listener/connections.ts';
import { MOVES, type State } from './lifecycle.ts';
import { drain, type DrainReport } from './drain.ts';
import { type Announce, type PreforkEvents } from './events.ts';
import { firstReady } from './first-ready.ts';
import { Health } from './health.ts';
import { knownTo } from './known-to.ts';
import { checkTarget, reconfigure, resolveOptions } from './options.ts';
import { memoryPair } from '../listener/memory-pair.ts';
import { Pool } from './pool.ts';
import { reload } from './reload.ts';
import { snapshot, type PreforkStatus } from './status.ts';
import { ownSurroundings, type Surroundings } from './surroundings.ts';
import { Watchers } from './watchers.ts';
import { windDown } from './wind-down.ts';
import { type RunningOptions, type ListenTarget, type PreforkOptions } from './option-types.ts';
import { type PreforkSettings, type CheckedTarget } from './settings.ts';

type Address = AddressInfo | string | null;

/** One pool of workers behind one or more listeners. Made by `createPrefork()` or `prefork()`. */
export class Prefork extends EventEmitter<PreforkEvents> {
  readonly #surroundings: Surroundings;
  readonly #clock: HeldClock;
  readonly #watchers = new Watchers();
  readonly #listeners: Listener[] = [];
  readonly #exits: Tally<ExitReason> = {};
  readonly #announce: Announce;
  readonly #trouble: AcceptTrouble;
  readonly #health: Health;
  #settings: PreforkSettings;
  #state: State = 'idle';
  #paused = false;
  #held = true;
  #pool: Pool | undefined;
  #entrance: Entrance | undefined;
  #closing: Promise<void> | undefined;
  #closeBy: Millis = Infinity;
  #hurried: (() => void) | undefined;
  #startError: Error | undefined;

  /** @internal */
  constructor(worker: unknown, options: PreforkOptions, surroundings: Surroundings = ownSurroundings()) {
    super();
    this.#surroundings = surroundings;
    this.#clock = surroundings.clock;
    this.#announce = announcer(this, surroundings.unheard);
    this.#settings = resolveOptions(worker, options);
    this.#trouble = new AcceptTrouble(this.#clock, (event) => {
      this.#announce('acceptError', event);
    });
    const { onStuck, signal } = this.#settings;
    this.#health = new Health(this.#clock, this.#announce, onStuck);
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Listens, with the target of the options or another one; may be called again for further listeners. The first
   * call also starts the workers and resolves when the first of them is ready (connections that come before wait).
   * Rejects with Node's error when binding fails (EADDRINUSE …), with `FORKLESS_BOOT_FAILED` or
   * `FORKLESS_BOOT_TIMEOUT` when a worker fails to boot before any is ready; then nothing is left behind.
   */
  async listen(target?: ListenTarget): Promise<AddressInfo | string | null> {
    this.#mayBegin('listen()');
    const listener = this.#listener(target === undefined ? this.#settings.listen : checkTarget(target));
    const bind = (): Promise<Address> => this.#bind(listener);
    return this.#state === 'listening' ? bind() : this.#begin(bind);
  }

  /**
   * Starts the workers without a port, and resolves when the first of them is ready: connections come by `accept()`
   * and `connect()`, or by a later `listen()`. Rejects as that does. Once started, does nothing.
   */
  async start(): Promise<void> {
    this.#mayBegin('start()');
    if (this.#state === 'idle') await this.#begin(() => Promise.resolve(null));
  }

  /** Address of the first listener, as `net.Server.address()`; `null` when there is none. */
  address(): AddressInfo | string | null {
    return this.#listeners[0]?.address() ?? null;
  }

  /** Its port; `undefined` when it has none, as before `listen()` and on a Unix socket. */
  get port(): number | undefined {
    return portOf(this.address());
  }

  /**
   * Takes over a connection that was accepted elsewhere: any Duplex of bytes that nobody has read from. Its
   * `allowHalfOpen` is set, since the worker's side decides when to end, and `noDelay` and `keepAlive` as the options
   * say. Throws `FORKLESS_BAD_OPTION` for a stream
   * that is destroyed, in object mode, or has an encoding, and for one that was accepted already. A socket that is
   * transferred closes here at once, and listeners and timeouts that were set here are lost.
   */
  accept(stream: Duplex): void {
    this.#running('accept()');
    checkStream(stream);
    stream.allowHalfOpen = true;
    likeAccepted(stream, this.#settings.socket);
    this.#entrance?.take(stream);
  }

  /** A connection without a network: returns the client's end of it. */
  connect(): Duplex {
    this.#running('connect()');
    const [client, server] = memoryPair();
    this.accept(server);
    return client;
  }

  /**
   * Hands over nothing from now on: new connections wait, within `maxWaiting` and `waitTimeout`. With the id of a
   * worker, only that one gets nothing, until it is resumed here or by itself; throws `FORKLESS_NO_SUCH_WORKER`.
   */
  pause(worker?: WorkerId): void {
    const pool = this.#running('pause()');
    if (worker !== undefined) {
      pool.setPaused(knownTo(pool, worker), true);
      return;
    }
    pool.dispatcher.pause();
    if (!this.#paused) this.#announce('paused');
    this.#paused = true;
  }

  /**
   * Hands over again, those who waited first. With the id of a worker, to that one; throws
   * `FORKLESS_NO_SUCH_WORKER`.
   */
  resume(worker?: WorkerId): void {
    const pool = this.#running('resume()');
    if (worker !== undefined) {
      pool.setPaused(knownTo(pool, worker), false);
      return;
    }
    pool.dispatcher.resume();
    if (this.#paused) this.#announce('resumed');
    this.#paused = false;
  }

  /** Asks one worker to finish and leave; throws `FORKLESS_NO_SUCH_WORKER`. */
  retire(worker: WorkerId): void {
    const pool = this.#running('retire()');
    pool.master.tell({ kind: 'asked', id: knownTo(pool, worker) });
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
   * Replaces all workers by new ones that load the module afresh, each only once its successor is ready. A full pool has
   * one thread more for that, and replaces them one after the other. Resolves when no worker of an older generation takes
   * connections. If a new one does not boot, the old ones stay and it rejects with `FORKLESS_RELOAD_FAILED`. Files of the
   * option `tls` are read anew.
   */
  async reload(): Promise<void> {
    const pool = this.#running('reload()');
    this.#entrance?.renew();
    const generation = await reload(pool, this.#clock, this.#watchers);
    if (generation === undefined) throw errors.wrongState('reload()', this.#state);
    this.#announce('reloaded', { generation });
  }

  /**
   * Changes options while running. Throws `FORKLESS_FIXED_OPTION`, `FORKLESS_UNKNOWN_OPTION` or `FORKLESS_BAD_OPTION`,
   * and then changes nothing.
   */
  configure(options: RunningOptions): void {
    const settings = reconfigure(this.#settings, options);
    this.#entrance?.configure(settings);
    this.#settings = settings;
    this.#pool?.configure(this.#settings);
  }

  /** Everything there is to know, at this instant. */
  status(): PreforkStatus {
    if (this.#pool === undefined) throw errors.wrongState('status()', this.#state);
    return snapshot(this.#pool, this.#clock.now(), {
      state: this.#state,
      paused: this.#paused,
      exits: { ...this.#exits },
      closesIn: this.#state === 'closing' ? this.#timeToClose() : undefined,
    });
  }

  /**
   * Stops listening, refuses what waits, asks every worker to finish, kills what is left after `grace` milliseconds
   * (default the `graceTime` that was given, else 25 000 at most; 0 at once) and settles, also when a thread cannot be
   * killed (`closed` names it).
   * Calling it again waits for the same end; with a shorter grace it hurries it.
   */
  async close({ grace }: { grace?: Millis } = {}): Promise<void> {
    this.#hurry(closeGrace(this.#settings, grace));
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
    this.#startError ??= errors.aborted(this.#settings.signal?.reason);
    void this.close();
    this.#watchers.look();
  };

  #mayBegin(call: string): void {
    const { signal } = this.#settings;
    if (signal?.aborted === true) throw errors.aborted(signal.reason);
    if (this.#state !== 'idle' && this.#state !== 'listening') throw errors.wrongState(call, this.#state);
  }

  async #begin(bind: () => Promise<Address>): Promise<Address> {
    this.#move('starting');
    const signals = this.#settings.signals ? this.#surroundings.signals : undefined;
    signals?.heed(this, () => this.#pool && this.status());
    try {
      // The pool first: it takes what is accepted from the very first moment on. Threads only once the port is ours.
      await this.#prepare();
      const address = await bind();
      this.#mustStart();
      this.#pool?.master.start();
      await this.#firstReady();
      this.#move('listening');
      this.#announce('listening', { address });
      return address;
    } catch (error) {
      await this.close({ grace: 0 });
      throw (await signals?.unlessStopped(this, error)) ?? error;
    }
  }

  // It may have been closed while this call waited; then nothing is begun any more.
  #mustStart(): void {
    if (this.#startError === undefined && this.#state === 'starting') return;
    throw this.#startError ?? errors.wrongState('listen()', this.#state);
  }

  #hold(held: boolean): this {
    this.#held = held;
    this.#clock.hold(held);
    for (const listener of this.#listeners) listener.hold(held);
    this.#pool?.hold(held);
    return this;
  }

  #move(to: State): void {
    if (!MOVES[this.#state].includes(to)) throw errors.wrongState(`going to ${to}`, this.#state);
    this.#state = to;
  }

  #running(call: string): Pool {
    if (this.#pool && (this.#state === 'listening' || this.#state === 'starting')) return this.#pool;
    throw errors.wrongState(call, this.#state);
  }

  #listener(listen: CheckedTarget): Listener {
    return new Listener({
      socket: this.#settings.socket,
      listen,
      accepted: (socket: Socket, arrived) => {
        // While closing too: the dispatcher refuses it, with its reason in an event.
        if (this.#entrance) this.#entrance.take(socket, arrived);
        else socket.destroy();
      },
      failed: (error) => {
        this.#trouble.happened(error);
      },
    });
  }

  async #bind(listener: Listener): Promise<Address> {
    const address = await listener.open();
    if (this.#state === 'closing' || this.#state === 'closed') {
      await listener.close();
      throw this.#startError ?? errors.wrongState('listen()', this.#state);
    }
    this.#listeners.push(listener);
    if (!this.#held) listener.hold(false);
    return address;
  }

  async #prepare(): Promise<void> {
    const host = await this.#surroundings.loadHost(this.#settings.threadHost);
    this.#mustStart();
    const look = this.#watchers.look.bind(this.#watchers);
    this.#pool = new Pool({
      ...this.#surroundings,
      settings: this.#settings,
      host,
      announce: this.#announce,
      exited: this.#exited.bind(this),
      address: () => this.address(),
      failed: this.#health.blame.bind(this.#health),
      shutdown: () => void this.close(),
      turned: this.#turned.bind(this),
      over: look,
    });
    this.#pool.hold(this.#held);
    this.#entrance = new Entrance(this.#pool, this.#settings, look);
  }

  async #firstReady(): Promise<void> {
    const over = (): boolean => this.#startError !== undefined || this.#state !== 'starting';
    const stuck = this.#pool && (await firstReady(this.#pool, this.#clock, this.#watchers, over));
    this.#startError ??= stuck;
    this.#mustStart();
  }

  #exited(exit: WorkerExit): void {
    this.#exits[exit.reason] = (this.#exits[exit.reason] ?? 0) + 1;
    if (this.#state === 'starting' && exit.reason === 'boot-failed') this.#startError ??= asError(exit.error);
    this.#watchers.look();
  }

  #turned(): void {
    if (this.#pool && this.#state === 'listening') this.#health.look(this.#pool);
    this.#watchers.look();
  }

  // The latest end of closing; a later call can only bring it forward.
  #hurry(grace: Millis): void {
    this.#closeBy = Math.min(this.#closeBy, this.#clock.now() + grace);
    if (this.#pool?.master.state.closing) this.#pool.master.tell({ kind: 'closing', grace });
    this.#hurried?.();
  }

  readonly #timeToClose = (): Millis => Math.max(0, this.#closeBy - this.#clock.now());

  async #close(): Promise<void> {
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    if (this.#state === 'idle') {
      this.#move('closed');
      return;
    }
    this.#state = 'closing';
    this.#surroundings.unheard.settled();
    const ports = this.#listeners.map((listener) => listener.close());
    this.#entrance?.close();
    const pool = this.#pool;
    if (pool)
      await windDown(pool, {
        clock: this.#clock,
        watchers: this.#watchers,
        grace: this.#timeToClose,
        lingerTimeout: this.#settings.lingerTimeout,
        hurried: (hurry) => (this.#hurried = hurry),
      });
    await Promise.all(ports);
    this.#trouble.stop();
    this.#move('closed');
    this.#announce('closed', { zombies: [...(pool?.handles.keys() ?? [])] });
  }
}
