import { connect, type Socket } from 'node:net';
import { type Prefork, type PreforkOptions } from 'forkless';
import { NEIGHBOURS } from '../handlers/neighbours.mjs';
import { Bytes, Lines, type Speech } from './speech.ts';

/** Connections that stay: bulk echoes, and a peer that reads slowly. */
const ECHOES = 2;
const SLOW = 1;
const UNDER_WAY = 262_144;

/** Between two that only come and go, in milliseconds: a few hundred a second at most. */
const CHURN = 3;

/** How long the last answers may take, in milliseconds. */
const PATIENCE = 10_000;

const LINES: readonly string[] = ['commands', 'books'];

let ports = process.pid % NEIGHBOURS.count;

const nextPort = (): number => NEIGHBOURS.first + ((ports += 1) % NEIGHBOURS.count);

export interface BusyOptions {
  readonly port: number;
  /** Name of the worker module. */
  readonly handlers: string;
  readonly maxWorkers: number;
  /** Some come and go as well. */
  readonly churn?: boolean;
  /** Whether they leave a worker that is to leave, as soon as they have all their answers (default), and come anew. */
  readonly leaves?: boolean;
}

/**
 * Other clients of the same prefork, busy for as long as a test runs: they echo, read slowly, come and go, and check what
 * they get and what the events tell of them. A test that is about its own clients alone subtracts these.
 */
export class Busy {
  readonly #server: Prefork;
  readonly #port: number;
  readonly #lines: boolean;
  readonly #leaves: boolean;
  readonly #all = new Set<Neighbour>();
  readonly #byPort = new Map<number, Neighbour>();
  /** By worker, as far as the test has to know. */
  readonly #retiring = new Set<number>();
  readonly #lost = new Set<number>();
  readonly #ids = new Set<number>();
  readonly #closed = new Set<number>();
  readonly #faults: string[] = [];
  /** Closed before they had asked for it: whether that may be, shows when it is known what became of their workers. */
  readonly #cut: Neighbour[] = [];
  #visitors: Promise<void> | undefined;
  readonly #closes: Record<string, number> = {};
  #made = 0;
  #ending = false;
  #over = false;

  private constructor(server: Prefork, { port, handlers, leaves = true }: BusyOptions) {
    this.#server = server;
    this.#port = port;
    this.#lines = LINES.includes(handlers);
    this.#leaves = leaves;
  }

  /** How many stay. */
  static readonly count: number = ECHOES + SLOW;

  /** Settles when all who stay have had an answer. */
  static async begin(server: Prefork, options: BusyOptions): Promise<Busy> {
    const busy = new Busy(server, options);
    busy.#listen(options.maxWorkers);
    await Promise.all(Array.from({ length: Busy.count }, (_, n) => busy.#stay(n >= ECHOES)));
    if (options.churn === true) busy.#visitors = busy.#comeAndGo();
    return busy;
  }

  /** Connections of these that a worker has claimed so far. */
  get served(): number {
    return this.#ids.size;
  }

  /** Open ones that a worker has claimed. */
  get open(): number {
    return this.#ids.size - this.#closed.size;
  }

  /** Whether a connection of that number is one of these. */
  has(id: number): boolean {
    return this.#ids.has(id);
  }

  /** How many of these have been closed, by reason. */
  get closes(): Readonly<Record<string, number>> {
    return this.#closes;
  }

  /** How many of these a worker has been given. */
  servedBy(worker: number): number {
    return [...this.#all].filter((each) => each.worker === worker).length;
  }

  /** The prefork is to be closed by the test: from here on all may be cut. */
  mayBeCut(): void {
    this.#over = true;
  }

  /** Lets all finish what they have begun, and returns what went wrong with them. */
  async end(): Promise<readonly string[]> {
    this.#ending = true;
    await Promise.all([...this.#all].map((each) => this.#finish(each)));
    await Promise.all([...this.#all].map(({ closed }) => closed));
    await this.#visitors;
    const until = performance.now() + PATIENCE;
    while (this.#untold().length > 0 && performance.now() < until) await this.#nextClose();
    for (const { name } of this.#untold()) this.#faults.push(`nobody told of the close of ${name}`);
    for (const { name, worker } of this.#cut)
      if (!this.#isLost(worker)) this.#faults.push(`${name} of worker ${String(worker)} was cut`);
    return this.#faults;
  }

  #isLost(worker: number | undefined): boolean {
    return this.#over || (worker !== undefined && this.#lost.has(worker));
  }

  // Those of a worker that is blocked are told closed when it is killed, perhaps by the end of the prefork.
  #untold(): Neighbour[] {
    return [...this.#all].filter(
      ({ worker, told }) => worker !== undefined && !told && !this.#isLost(worker),
    );
  }

  #nextClose(): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        this.#server.off('connectionClosed', over);
        resolve();
      };
      const timer = setTimeout(over, 100);
      this.#server.on('connectionClosed', over);
    });
  }

  #listen(maxWorkers: number): void {
    const server = this.#server;
    server.on('connection', ({ connection, worker }) => {
      const neighbour = this.#byPort.get(connection.remotePort ?? 0);
      if (!neighbour) return;
      this.#ids.add(connection.id);
      neighbour.worker = worker;
      // Guarantee 6.
      if (neighbour.shunned.has(worker))
        this.#faults.push(`${neighbour.name} was given to worker ${worker}, which drains`);
      if (this.#leaves && this.#retiring.has(worker)) void this.#finish(neighbour);
    });
    server.on('connectionClosed', ({ connection, reason }) => {
      if (!this.#ids.has(connection.id)) return;
      const neighbour = this.#byPort.get(connection.remotePort ?? 0);
      // Guarantees 5 and 11.
      if (this.#closed.has(connection.id)) this.#faults.push(`connection ${connection.id} was closed twice`);
      this.#closed.add(connection.id);
      this.#closes[reason] = (this.#closes[reason] ?? 0) + 1;
      if (neighbour) neighbour.told = true;
    });
    server.on('drop', ({ connection, reason }) => {
      const neighbour = this.#byPort.get(connection.remotePort ?? 0);
      if (neighbour && !(this.#over && reason === 'closing'))
        this.#faults.push(`${neighbour.name} was dropped: ${reason}`);
    });
    server.on('workerRetiring', ({ worker }) => {
      this.#retiring.add(worker);
      if (!this.#leaves) return;
      for (const each of this.#all) if (each.worker === worker) void this.#finish(each);
    });
    server.on('workerMessage', ({ worker, message }) => {
      if (message === 'hangs') this.#lost.add(worker);
    });
    server.on('workerKilled', ({ worker }) => this.#lost.add(worker));
    server.on('workerExited', ({ worker, reason }) => {
      // Guarantee 8: only its own clients.
      if (reason !== 'left') this.#lost.add(worker);
    });
    // Guarantee 1.
    server.on('workerSpawned', () => {
      const { threads } = server.status().counts;
      if (threads > maxWorkers + 1) this.#faults.push(`${threads} threads`);
    });
  }

  #neighbour(kind: string, slow = false): Neighbour {
    const name = `${kind} ${(this.#made += 1)}`;
    const speech = this.#lines ? new Lines(name) : new Bytes(this.#made % 200);
    const neighbour = new Neighbour(name, speech, slow, new Set(this.#retiring), (fault) =>
      this.#faults.push(fault),
    );
    this.#all.add(neighbour);
    return neighbour;
  }

  #open(neighbour: Neighbour): Promise<boolean> {
    return neighbour.connect(this.#port, (port) => this.#byPort.set(port, neighbour));
  }

  async #stay(slow: boolean): Promise<void> {
    const neighbour = this.#neighbour(slow ? 'slow' : 'echo', slow);
    // It may have come too late to say anything.
    if (await this.#open(neighbour))
      await (this.#ending ? this.#finish(neighbour) : neighbour.talk(UNDER_WAY));
    void neighbour.closed.then(() => {
      this.#left(neighbour);
      // Whoever had to leave is followed by another one.
      if (!this.#ending && !this.#over) void this.#stay(slow);
    });
  }

  async #comeAndGo(): Promise<void> {
    while (!this.#ending && !this.#over) {
      const neighbour = this.#neighbour('visitor');
      if (await this.#open(neighbour)) {
        await Promise.race([neighbour.talk(1), neighbour.closed]);
        if (this.#made % 3 === 0) neighbour.leave('reset');
        else if (this.#made % 3 === 1) neighbour.leave('destroy');
        else await this.#finish(neighbour);
      }
      await neighbour.closed;
      this.#left(neighbour);
      await new Promise((resolve) => setTimeout(resolve, CHURN));
    }
  }

  async #finish(neighbour: Neighbour): Promise<void> {
    if (!(await neighbour.finish(() => this.#isLost(neighbour.worker))))
      this.#faults.push(`${neighbour.name} had no answer in time`);
  }

  #left(neighbour: Neighbour): void {
    if (neighbour.wasCut) this.#cut.push(neighbour);
  }
}

/** One of them. */
class Neighbour {
  readonly name: string;
  /** Workers that were to leave before it came. */
  readonly shunned: ReadonlySet<number>;
  worker: number | undefined;
  /** The prefork has told of its close. */
  told = false;
  readonly closed: Promise<void>;
  readonly #speech: Speech;
  readonly #slow: boolean;
  readonly #fault: (fault: string) => void;
  #socket: Socket | undefined;
  #underWay = 0;
  #leaving = false;
  #wasAnswered = false;
  readonly #waiting = new Set<() => void>();
  #over: () => void = () => undefined;

  constructor(
    name: string,
    speech: Speech,
    slow: boolean,
    shunned: ReadonlySet<number>,
    fault: (fault: string) => void,
  ) {
    this.name = name;
    this.#speech = speech;
    this.#slow = slow;
    this.shunned = shunned;
    this.#fault = fault;
    this.closed = new Promise((resolve) => (this.#over = resolve));
  }

  /** It was closed though it had not asked for it, or before it had all answers. */
  get wasCut(): boolean {
    return !this.#leaving;
  }

  /** From a port that is known before; false when the connection was refused. */
  async connect(port: number, known: (port: number) => void): Promise<boolean> {
    for (;;) {
      const localPort = nextPort();
      known(localPort);
      const socket = connect({ port, host: '127.0.0.1', localPort });
      const code = await new Promise<string | undefined>((resolve) => {
        socket.once('connect', () => {
          resolve(undefined);
        });
        socket.once('error', (error: NodeJS.ErrnoException) => {
          resolve(error.code);
        });
      });
      if (code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL') continue;
      this.#adopt(socket);
      return code === undefined;
    }
  }

  /** Keeps so many bytes under way; settles with the first answer, or the close. */
  async talk(bytes: number): Promise<void> {
    this.#underWay = bytes;
    this.#say();
    const silent = (): boolean => !this.#wasAnswered && this.#socket?.closed === false;
    while (silent()) await this.#next();
  }

  /** Hears all answers that are due, and ends; false when they do not come, though nobody has given it up. */
  async finish(isLost: () => boolean): Promise<boolean> {
    const socket = this.#socket;
    if (!socket || socket.closed || this.#leaving) return true;
    this.#underWay = 0;
    const until = performance.now() + PATIENCE;
    const isClosed = (): boolean => socket.closed;
    while (this.#speech.unanswered > 0 && !isClosed() && !isLost()) {
      if (performance.now() > until) {
        socket.destroy();
        return false;
      }
      await this.#next(100);
    }
    if (isClosed()) return true;
    this.#leaving = true;
    if (isLost()) socket.destroy();
    else socket.end();
    return true;
  }

  leave(how: 'destroy' | 'reset'): void {
    // A reset after an end fails, and Node never closes the socket then.
    if (this.#leaving) return;
    this.#leaving = true;
    if (how === 'reset') this.#socket?.resetAndDestroy();
    else this.#socket?.destroy();
  }

  #adopt(socket: Socket): void {
    this.#socket = socket;
    const over = (): void => {
      this.#moved();
      this.#over();
    };
    socket.on('error', () => undefined);
    socket.on('close', over);
    if (socket.closed) over();
    socket.on('data', (chunk: Buffer) => {
      this.#hear(socket, chunk);
    });
  }

  #hear(socket: Socket, chunk: Buffer): void {
    const wrong = this.#speech.hear(chunk);
    if (wrong !== undefined) {
      this.#fault(`${this.name} got ${wrong}`);
      this.leave('destroy');
    }
    this.#wasAnswered = true;
    this.#moved();
    // It reads on at its own pace, also to its end.
    if (this.#slow && !this.#leaving) {
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    }
    this.#say();
  }

  #say(): void {
    while (!this.#leaving && this.#speech.unanswered < this.#underWay && this.#socket?.writable)
      this.#socket.write(this.#speech.say());
  }

  #next(atMost?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = atMost === undefined ? undefined : setTimeout(resolve, atMost);
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #moved(): void {
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }
}

/** Options of a prefork that has room for these beside the clients of a test. */
export const withRoom = (options: PreforkOptions): PreforkOptions => ({
  ...options,
  ...(options.maxSessionsPerWorker !== undefined && {
    maxSessionsPerWorker: options.maxSessionsPerWorker + Busy.count,
  }),
  ...(options.maxConnections !== undefined && { maxConnections: options.maxConnections + Busy.count }),
});
