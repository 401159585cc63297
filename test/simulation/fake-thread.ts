import { type Millis } from '../../src/common/core/types.ts';
import {
  type Thread,
  type ThreadExit,
  type ThreadFindings,
  type ThreadSpec,
} from '../../src/main/threads/host.ts';
import { type LaneEnd } from '../../src/common/lane/lane.ts';
import { laneToMain } from '../../src/common/lane/open-lane.ts';
import { RelaySocket } from '../../src/worker/sockets/relay-socket.ts';
import { Scopes } from '../../src/common/user-code/scope.ts';
import { WorkerSockets } from '../../src/worker/sockets/worker-sockets.ts';
import { type ToMain, type ToWorker, type WorkerSettings } from '../../src/common/wire/messages.ts';
import { Heartbeat } from '../../src/worker/runtime/heartbeat.ts';
import { type FakePort } from './fake-link.ts';

/** The faults of one thread, and how long it takes to boot and to end; drawn at its birth. */
export interface FaultPlan {
  readonly bootTime: Millis;
  readonly boot: 'well' | 'fails' | 'never' | 'throws';
  /** So long after its boot, if at all. */
  readonly crashAfter: Millis | undefined;
  readonly hangAfter: Millis | undefined;
  readonly deaf: boolean;
  /** Takes so long to end when it is terminated. */
  readonly dyingTime: Millis;
}

/** What a handler does with its connection. */
export type Manner = 'echo' | 'ends early' | 'destroys' | 'throws' | 'resets' | 'sleeps';

export interface ThreadWorld {
  in(wait: Millis, run: () => void): void;
  count(what: string): void;
  /** The worker has claimed it; throws if another one had. */
  claimed(connection: number, thread: FakeThread): Manner;
}

/**
 * A thread of the simulation: the real worker side of the transport over a fake port, a heartbeat, and handlers that
 * echo or misbehave. It runs only when its `move` is called, and no more once it hangs.
 */
export class FakeThread implements Thread {
  readonly threadId = 0;
  readonly id: number;
  phase: 'booting' | 'up' | 'hung' | 'ended' = 'booting';
  /** Its clients may lose something. */
  victim = false;
  readonly #world: ThreadWorld;
  readonly #settings: WorkerSettings;
  readonly #port: FakePort;
  readonly #near: FakePort;
  readonly #exited: (exit: ThreadExit) => void;
  readonly #plan: FaultPlan;
  readonly #turns: (() => void)[] = [];
  readonly #lane: LaneEnd;
  readonly #hub: WorkerSockets;
  readonly #heartbeat: Heartbeat;
  #draining = false;
  #exit: ThreadExit | undefined;
  #told = false;

  constructor(world: ThreadWorld, spec: ThreadSpec, exited: (exit: ThreadExit) => void, plan: FaultPlan) {
    this.#world = world;
    this.#settings = spec.boot.settings as WorkerSettings;
    this.id = this.#settings.id;
    this.#port = spec.boot.port as unknown as FakePort;
    this.#near = this.#port.far!;
    this.#exited = exited;
    this.#plan = plan;
    this.#lane = laneToMain(this.#settings.rings, {
      port: this.#port,
      sink: (...frame) => {
        this.#hub.frame(...frame);
      },
      passed: () => undefined,
      atTurnEnd: (run) => this.#turns.push(run),
      message: (message) => {
        this.#heard(message as ToWorker);
      },
      broken: (error) => {
        throw error instanceof Error ? error : new Error('the main thread sent garbage', { cause: error });
      },
    });
    this.#hub = new WorkerSockets({
      scopes: new Scopes(),
      lane: this.#lane.out,
      settings: { ...this.#settings, allowHalfOpen: true },
      connected: (socket) => {
        if (!(socket instanceof RelaySocket)) throw new TypeError('not relayed');
        this.#heartbeat.stir();
        this.#serve(socket);
      },
      closed: () => {
        this.#maybeLeave();
      },
    });
    this.#heartbeat = new Heartbeat(
      {
        after: (delay, run) => this.#after(delay, run),
        vitals: () => ({ utilization: 0, heap: 0, external: 0 }),
      },
      () => ({ open: this.#hub.open, served: this.#hub.served }),
      (beat) => {
        this.#send(beat);
      },
    );
    world.in(plan.bootTime, () => {
      this.#boot();
    });
  }

  get open(): number {
    return this.#hub.open;
  }

  /** Something that it could do now: a message, the rest of a turn, or its end. */
  get canMove(): boolean {
    if (this.phase === 'ended') return !this.#told && this.#near.inbox.length === 0;
    return this.phase === 'up' && (this.#port.inbox.length > 0 || this.#turns.length > 0);
  }

  move(pick: number): void {
    if (this.phase === 'ended') this.#tellExit();
    else if (this.#turns.length > 0 && (pick < 0.5 || this.#port.inbox.length === 0))
      for (const run of this.#turns.splice(0)) run();
    else this.#port.deliver();
  }

  terminate(): void {
    this.victim = true;
    this.#world.in(this.#plan.dyingTime, () => {
      this.#ends({ code: 1, reason: 'terminated' });
    });
  }

  sample(): { utilization: number } {
    return { utilization: this.phase === 'hung' ? 1 : 0 };
  }

  examine(found: (findings: ThreadFindings) => void): () => void {
    let over = false;
    return () => {
      if (!over) found({ cpuTime: undefined, stack: [] });
      over = true;
    };
  }

  lookForDebugger(found: (debugged: boolean) => void): () => void {
    found(false);
    return () => undefined;
  }

  ref(): void {
    // Nothing here holds a process.
  }

  unref(): void {
    // Nothing here holds a process.
  }

  #boot(): void {
    if (this.phase !== 'booting') return;
    const { boot, crashAfter, hangAfter } = this.#plan;
    if (boot === 'never') return;
    this.#world.count(`boot ${boot}`);
    if (boot === 'throws') this.#ends({ code: 1, reason: 'crashed', error: new Error('thrown at boot') });
    if (boot === 'fails') {
      this.#send({ kind: 'failed', error: { name: 'Error', message: 'workerStarted threw' } });
      this.#leave(0);
    }
    if (boot !== 'well') return;
    this.phase = 'up';
    this.#send({ kind: 'ready', heap: 1, external: 1 });
    this.#heartbeat.keep(this.#settings.heartbeat);
    this.#maybeLeave();
    if (crashAfter !== undefined)
      this.#world.in(crashAfter, () => {
        this.#crash();
      });
    if (hangAfter !== undefined)
      this.#world.in(hangAfter, () => {
        if (this.phase !== 'up') return;
        this.#world.count('hang');
        this.phase = 'hung';
      });
  }

  #crash(): void {
    if (this.phase !== 'up') return;
    this.#world.count('crash');
    this.victim = true;
    this.#leave(1);
  }

  #after(delay: Millis, run: () => void): () => void {
    let cancelled = false;
    this.#world.in(delay, () => {
      if (this.phase === 'up' && !cancelled) run();
    });
    return () => {
      cancelled = true;
    };
  }

  #heard(message: ToWorker): void {
    if (message.kind === 'heartbeat') {
      this.#heartbeat.keep(message.pace);
      return;
    }
    if (this.#plan.deaf) this.#world.count('deaf');
    else this.#draining = true;
    this.#maybeLeave();
  }

  #maybeLeave(): void {
    if (!this.#draining || this.phase !== 'up' || this.#hub.open > 0) return;
    this.#send({ kind: 'leaving' });
    this.#leave(0);
  }

  #send(message: ToMain): void {
    this.#lane.post(message);
  }

  // As `process.exit()`: the last words are still sent.
  #leave(code: number): void {
    this.#lane.finish();
    this.#ends({ code, reason: 'exited' });
  }

  #ends(exit: ThreadExit): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    this.#exit = exit;
    this.#turns.length = 0;
    this.#port.close();
  }

  #tellExit(): void {
    this.#told = true;
    this.#exited(this.#exit!);
  }

  #serve(socket: RelaySocket): void {
    const manner = this.#world.claimed(socket.connectionId, this);
    this.#world.count(`handler ${manner}`);
    socket.on('error', () => undefined);
    if (manner === 'sleeps') return;
    socket.on('data', (chunk: Buffer) => {
      if (socket.writableEnded) return;
      if (!socket.write(chunk)) socket.pause();
      const echoed = socket.bytesRead;
      if (manner === 'ends early' && echoed > 500) socket.end();
      if (manner === 'destroys' && echoed > 500) socket.destroy();
      if (manner === 'throws' && echoed > 500) socket.destroy(new Error('thrown by a handler'));
      if (manner === 'resets' && echoed > 500) socket.resetAndDestroy();
    });
    socket.on('drain', () => socket.resume());
    socket.on('end', () => socket.end());
  }
}
