/** The public class of a prefork for tests. Runs in the thread of the test. */
import { type AddressInfo } from 'node:net';
import { showCallers } from '../common/core/caller.ts';
import { checkObject, integer, millis } from '../common/core/check.ts';
import { errors } from '../common/core/errors.ts';
import { type Millis, type WorkerId } from '../common/core/types.ts';
import { CALLS, WAITS } from '../main/prefork/create.ts';
import { type Duplex } from 'node:stream';
import { type DrainReport } from '../main/prefork/drain.ts';
import { Prefork } from '../main/prefork/prefork.ts';
import { ownSurroundings } from '../main/prefork/surroundings.ts';
import { InlineHost } from './inline-host.ts';
import { type InlineWorker } from './inline-thread.ts';
import { checkTestOptions, type TestOptions } from './test-options.ts';
import { patiently } from './patience.ts';
import { quiet, settled } from './quiet.ts';
import { UnheardErrors } from './unheard-errors.ts';
import { framesOf, placeOf } from '../main/prefork/place.ts';
import { Vigil } from './vigil.ts';
import { VirtualClock } from './virtual-clock.ts';
import { type ListenTarget } from '../main/prefork/option-types.ts';

/** How births go wrong, and how many of the next ones do. */
export interface BootTrouble {
  /** Default `Infinity`: until `healBoots()`. */
  readonly times?: number | undefined;
  /** The error that the module throws. */
  readonly error?: unknown;
}

/** Makes a function that warns, at its first call, of a prefork that no test ends; `place` is where it was made. */
function warning(place: string | undefined): () => void {
  let told = false;
  const at = place === undefined ? '' : ` at ${place}`;
  return () => {
    if (told) return;
    told = true;
    process.emitWarning(
      `The prefork that was made${at} was not ended, and nothing moves any more. Call its end() after each test, also after one that fails`,
      { type: 'ForklessWarning', code: 'FORKLESS_NEVER_ENDED' },
    );
  };
}

/**
 * A prefork whose workers run in this very thread, and whose time passes only when told to. Otherwise it is as any
 * other. Calls that wait reject with `FORKLESS_NOT_SETTLED` when nothing moves for `patience`: then it is most likely
 * time that has to `advance()`.
 */
export class TestPrefork extends Prefork {
  readonly #clock: VirtualClock;
  readonly #host: InlineHost;
  readonly #patience: Millis;
  readonly #unheard: UnheardErrors;
  readonly #vigil: Vigil;
  readonly #streams = new Set<Duplex>();

  /** @internal */
  constructor(given: TestOptions) {
    checkObject('options', given);
    const { worker, load, random, patience, options } = checkTestOptions(given);
    const clock = new VirtualClock();
    const host = new InlineHost({ clock, load, serveTimeout: patience / 2 });
    const unheard = new UnheardErrors();
    const loadHost = (): Promise<InlineHost> => Promise.resolve(host);
    // Signals of the process are the test runner's.
    const signals = undefined;
    super(worker, options, { ...ownSurroundings(), clock, random, loadHost, unheard, signals });
    this.#clock = clock;
    this.#host = host;
    this.#patience = patience;
    this.#unheard = unheard;
    const warnOnce = warning(placeOf(framesOf(new Error('made'))));
    this.#vigil = new Vigil({
      limit: patience,
      moved: () => host.stirs + clock.firings,
      rest: () => {
        warnOnce();
        this.unref();
        host.letGo();
      },
      wake: () => this.ref(),
    });
    this.once('closed', () => {
      this.#vigil.end();
    });
  }

  /** Virtual milliseconds since this prefork was made. */
  get now(): Millis {
    return this.#clock.now();
  }

  /** The workers that have not ended. */
  get workers(): readonly InlineWorker[] {
    return this.#host.threads;
  }

  /** The worker of that id; throws `FORKLESS_NO_SUCH_WORKER`. */
  worker(id: WorkerId): InlineWorker {
    const worker = this.workers.find((each) => each.id === id);
    if (worker === undefined) throw errors.noSuchWorker(id);
    return worker;
  }

  /** The modules of the next workers throw. */
  failBoots({ times = Infinity, error }: BootTrouble = {}): void {
    this.#host.destine({ kind: 'fail', error, times: checkTimes(times) });
  }

  /** The next workers are never ready. */
  hangBoots({ times = Infinity }: Pick<BootTrouble, 'times'> = {}): void {
    this.#host.destine({ kind: 'hang', times: checkTimes(times) });
  }

  /** The next workers boot as they should. */
  healBoots(): void {
    this.#host.heal();
  }

  /**
   * Resolves when nothing moves any more: messages have arrived, bytes are where they are going, workers have come and
   * gone, and no promise of a handler is pending (`connection` apart, which may run as long as its client stays). What
   * is still to come waits for a client, or for time. Rejects with `FORKLESS_NOT_SETTLED` after `patience`.
   */
  async settled(): Promise<void> {
    this.#vigil.wake();
    if (await settled(this.#host, this.#patience)) return;
    const why = this.#host.pending.join('; ') || 'the workers never come to rest';
    throw errors.notSettled('settled()', this.#patience, why);
  }

  /**
   * Lets so many milliseconds pass for the master and for heartbeats, with everything that becomes of it. Node's own
   * timers go by real time. Rejects with `FORKLESS_NOT_SETTLED` when the workers do not come to rest for `patience`.
   */
  async advance(time: Millis): Promise<void> {
    const end = this.#clock.now() + millis('time', time, 0);
    await this.#rest('advance()');
    while (this.#clock.next <= end) {
      this.#clock.fireNext();
      if (this.#clock.next > this.#clock.now()) await this.#rest('advance()');
    }
    this.#clock.sleep(end - this.#clock.now());
    await this.#rest('advance()');
  }

  /**
   * Closes: clients are cut off, `workerStopping` runs, and the workers leave; those that do not are killed. Rejects with
   * `FORKLESS_LEFT_BEHIND` if the code of a worker still holds the process, with a port, a socket or a server; its timers
   * have ended with it. Rejects with `FORKLESS_HANDLER_ERROR` if a handler failed and nobody listened to `handlerError`.
   * For the end of a test.
   */
  async end(): Promise<void> {
    this.#vigil.end();
    await this.#stopInOrder();
    await this.#passTime(super.close({ grace: 0 }));
    // Workers that cannot be killed are made to hang by the test only.
    for (const worker of this.workers) worker.exit();
    await this.#rest('end()');
    const left = this.#host.takeLeft();
    this.#unheard.tell();
    if (left.length > 0) throw errors.leftBehind(left);
  }

  override accept(stream: Duplex): void {
    super.accept(stream);
    this.#vigil.wake();
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /** As any, but resolves only when all workers that are to be born have booted, or failed to. */
  override async listen(target?: ListenTarget): Promise<AddressInfo | string | null> {
    const address = await this.#begun('listen()', super.listen(target));
    await this.#rest('listen()');
    return address;
  }

  /** The same without a port. */
  override async start(): Promise<void> {
    await this.#begun('start()', super.start());
    await this.#rest('start()');
  }

  override drain(options?: { deadline?: Millis; until?: number }): Promise<DrainReport> {
    return this.#patiently('drain()', super.drain(options));
  }

  override reload(): Promise<void> {
    return this.#patiently('reload()', super.reload());
  }

  override close(options?: { grace?: Millis }): Promise<void> {
    return this.#patiently('close()', super.close(options));
  }

  // As far as that goes without the virtual time moving.
  async #stopInOrder(): Promise<void> {
    const closing = super.close({ grace: 1 });
    // Whoever closes for good hears of it.
    closing.catch(() => undefined);
    await this.#rest('end()');
    for (const stream of this.#streams) stream.destroy();
    await settled(this.#host, this.#patience, () => this.#host.stopping);
  }

  // Only where nobody is granted any: a graceful end waits for clients, which the test may still have to move.
  async #passTime(end: Promise<void>): Promise<void> {
    const watch = { ended: false };
    const ended = end.finally(() => {
      watch.ended = true;
    });
    await this.#rest('end()');
    while (!watch.ended) {
      this.#clock.fireNext();
      await this.#rest('end()');
    }
    await ended;
  }

  async #rest(call: string): Promise<void> {
    this.#vigil.wake();
    if (await quiet(this.#host, this.#patience)) return;
    const why = this.#host.loading > 0 ? 'a module is still loading' : 'the workers never come to rest';
    throw errors.notSettled(call, this.#patience, why);
  }

  // A start that is not waited for any longer goes on all the same, and its workers would hold the process for good.
  async #begun<T>(call: string, wait: Promise<T>): Promise<T> {
    try {
      return await this.#patiently(call, wait);
    } finally {
      if (this.#isUp) this.#vigil.begin();
    }
  }

  get #isUp(): boolean {
    try {
      const { state } = this.status();
      return state === 'starting' || state === 'listening';
    } catch {
      // It was refused before it began: there is no status yet.
      return false;
    }
  }

  #patiently<T>(call: string, wait: Promise<T>): Promise<T> {
    this.#vigil.wake();
    return patiently(call, wait, {
      limit: this.#patience,
      moved: () => this.#host.stirs + this.#clock.firings,
      why: () =>
        `it may wait for a client, or for time: the next timer is due in ${this.#clock.next - this.now} ms`,
    });
  }
}

const checkTimes = (times: unknown): number => (times === Infinity ? times : integer('times', times, 1));

showCallers(
  TestPrefork.prototype,
  [...CALLS, 'worker', 'failBoots', 'hangBoots'],
  [...WAITS, 'settled', 'advance', 'end'],
);
