import { EventEmitter } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { type LaneEnd } from '../../src/common/lane/lane.ts';
import { laneToMain, laneToWorker, type MainPort } from '../../src/common/lane/open-lane.ts';
import { type Connection } from '../../src/main/relay/connection.ts';
import { type ConnectionSide } from '../../src/main/relay/connection-side.ts';
import { type Homeless } from '../../src/main/relay/homeless.ts';
import { Hub } from '../../src/main/relay/hub.ts';
import { RelaySocket } from '../../src/worker/sockets/relay-socket.ts';
import { type LeasePage } from '../../src/common/wire/leases.ts';
import { Scopes } from '../../src/common/user-code/scope.ts';
import { isArrival } from '../../src/worker/sockets/transferred-sockets.ts';
import { WorkerSockets, type WorkerSocket } from '../../src/worker/sockets/worker-sockets.ts';
import { type AcceptedOptions, type SocketMessage } from '../../src/common/wire/messages.ts';
import { createRings, HEAD, TAIL, type Rings } from '../../src/common/wire/ring.ts';
import { FakeClock } from '../main/master/fake-clock.ts';
import { BatchLane } from './batch-lane.ts';

/** One direction of a port: what was posted stays until the test delivers it. */
class HeldPort extends EventEmitter implements MainPort {
  readonly queue: unknown[] = [];
  readonly #ring: SharedArrayBuffer | undefined;

  constructor(ring: SharedArrayBuffer | undefined) {
    super();
    this.#ring = ring;
  }

  postMessage(message: unknown, moved: readonly object[] = []): void {
    this.queue.push(structuredClone(message, { transfer: moved as ArrayBuffer[] }));
  }

  close(): void {
    this.removeAllListeners();
  }

  unref(): void {
    // Nothing here holds a process.
  }

  /** Bytes under way: of batches posted and not delivered, or published in the ring and not read. */
  get bytes(): number {
    if (this.#ring) {
      const words = new Int32Array(this.#ring);
      return (words[TAIL]! - words[HEAD]!) | 0;
    }
    return this.queue.reduce((sum: number, message) => {
      return sum + (message instanceof Uint8Array ? message.length : 0);
    }, 0);
  }
}

const isPage = (message: unknown): message is { readonly page: LeasePage } =>
  typeof message === 'object' && message !== null && 'page' in message;

/** The two ways across. */
export const LANES = ['ring', 'batch'] as const;
export type LaneKind = (typeof LANES)[number];

export interface RigOptions {
  readonly lane?: LaneKind;
  /** Bytes of each ring. */
  readonly capacity?: number;
  readonly window?: number;
  readonly lingerTimeout?: number;
  readonly allowHalfOpen?: boolean;
  readonly highWaterMark?: number;
  readonly maxOutput?: number;
  /** What the streams have already. */
  readonly accepted?: AcceptedOptions;
  /** Given to the hub: sends a socket, or throws. */
  readonly sendSocket?: (message: SocketMessage) => void;
  /** Called with each claimed socket; by default the socket is read and its errors are noted. */
  readonly connected?: (socket: RelaySocket) => void;
  /** Has the connections that no worker has; without it, none rests. */
  readonly homeless?: Homeless;
}

export interface Peer {
  /** The far end of the wire. */
  readonly client: Duplex;
  /** The stream that the main thread owns. */
  readonly stream: Duplex & { resetAndDestroy?: () => void };
  readonly connection: Connection;
}

export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** The actions that move a rig on; each tells whether there was anything to do. */
export const MOVES = ['mainTurn', 'workerTurn', 'toWorker', 'toMain'] as const;
export type Move = (typeof MOVES)[number];

/** All sequences of so many of these. */
export function sequences(length: number): Move[][] {
  if (length === 0) return [[]];
  return sequences(length - 1).flatMap((rest) => MOVES.map((move) => [...rest, move]));
}

/** A hub and a worker's relay, joined by ports that deliver when the test says so. */
export class Rig {
  readonly clock = new FakeClock();
  readonly rings: Rings | undefined;
  readonly mainPort: HeldPort;
  readonly workerPort: HeldPort;
  readonly mainLane: LaneEnd;
  readonly workerLane: LaneEnd;
  readonly hub: Hub;
  readonly relay: WorkerSockets;
  readonly sockets = new Map<number, RelaySocket>();
  readonly transferred: Exclude<WorkerSocket, RelaySocket>[] = [];
  readonly received = new Map<number, Buffer[]>();
  readonly socketErrors: unknown[] = [];
  readonly claimed: number[] = [];
  readonly released: number[] = [];
  readonly over: ConnectionSide[] = [];
  readonly workerOver: number[] = [];
  gaveUp = 0;
  /** Control messages, as they arrived. */
  readonly heard: unknown[] = [];
  /** Told by either side about the other. */
  readonly broken: unknown[] = [];
  /** Called after every move; for watching bounds. */
  watch: () => void = () => undefined;
  /** No message from the worker is heard any more. */
  deaf = false;
  readonly #mainTurns: (() => void)[] = [];
  readonly #workerTurns: (() => void)[] = [];
  #lastId = 0;

  constructor({
    lane = 'ring',
    capacity,
    window = 65_536,
    lingerTimeout = 30_000,
    allowHalfOpen = true,
    highWaterMark,
    maxOutput = Infinity,
    accepted = {},
    sendSocket,
    homeless,
    connected = (socket) => {
      this.read(socket);
    },
  }: RigOptions = {}) {
    this.rings = lane === 'ring' ? createRings(capacity) : undefined;
    this.mainPort = new HeldPort(this.rings?.toWorker);
    this.workerPort = new HeldPort(this.rings?.toMain);
    const both = {
      message: (message: unknown) => this.heard.push(message),
      broken: (error: unknown) => this.broken.push(error),
    };
    const toWorker = {
      ...both,
      port: this.mainPort,
      sink: (...frame: Parameters<Hub['frame']>) => {
        this.hub.frame(...frame);
      },
      passed: () => {
        this.hub.passed();
      },
      atTurnEnd: (run: () => void) => this.#mainTurns.push(run),
    };
    const toMain = {
      ...both,
      port: this.workerPort,
      sink: (...frame: Parameters<WorkerSockets['frame']>) => {
        this.relay.frame(...frame);
      },
      passed: () => undefined,
      published: () => {
        this.relay.published();
      },
      message: (message: unknown) => {
        if (isArrival(message)) this.relay.arrived(message);
        else if (isPage(message)) this.relay.addPage(message.page);
        else both.message(message);
      },
      atTurnEnd: (run: () => void) => this.#workerTurns.push(run),
    };
    this.mainLane = this.rings ? laneToWorker(this.rings, toWorker) : new BatchLane(toWorker);
    this.workerLane = this.rings ? laneToMain(this.rings, toMain) : new BatchLane(toMain);
    this.hub = new Hub({
      lane: this.mainLane,
      clock: this.clock,
      window,
      lingerTimeout,
      sendSocket,
      homeless,
      left:
        homeless &&
        ((side, terms) => {
          homeless.add(side, { ...terms, from: 0, closed: (over) => this.over.push(over) });
        }),
      claimed: ({ id }) => this.claimed.push(id),
      released: ({ id }) => this.released.push(id),
      closed: (side) => this.over.push(side),
      broken: (error) => this.broken.push(error),
    });
    this.relay = new WorkerSockets({
      scopes: new Scopes(),
      lane: this.workerLane.out,
      settings: {
        window,
        allowHalfOpen,
        highWaterMark,
        maxOutput,
        accepted,
        leases: this.hub.pages,
      },
      connected: (socket) => {
        if (!(socket instanceof RelaySocket)) {
          this.transferred.push(socket);
          return;
        }
        this.sockets.set(socket.connectionId, socket);
        socket.on('error', (error) => this.socketErrors.push(error));
        connected(socket);
      },
      gaveUp: () => (this.gaveUp += 1),
      closed: (id) => this.workerOver.push(id),
      askTurn: () => {
        this.workerLane.askTurn();
      },
    });
  }

  /** Reads all of a socket into `received`. */
  read(socket: RelaySocket): void {
    const chunks: Buffer[] = [];
    this.received.set(socket.connectionId, chunks);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  }

  bytesAt(id: number): Buffer {
    return Buffer.concat(this.received.get(id) ?? []);
  }

  socket(id: number): RelaySocket {
    const socket = this.sockets.get(id);
    if (!socket) throw new Error(`no socket ${id}`);
    return socket;
  }

  connect(highWaterMark = 16_384): Peer {
    const [client, stream] = duplexPair({ highWaterMark });
    const id = (this.#lastId += 1);
    const addresses = { remoteAddress: '127.0.0.1', remotePort: 1000 + id, remoteFamily: 'IPv4' };
    return { client, stream, connection: { id, stream, addresses, acceptedAt: this.clock.now() } };
  }

  /** A connection that the worker has claimed. */
  async serve(highWaterMark?: number): Promise<Peer & { socket: RelaySocket; id: number }> {
    const peer = this.connect(highWaterMark);
    this.hub.offer(peer.connection);
    await this.settle();
    return { ...peer, socket: this.socket(peer.connection.id), id: peer.connection.id };
  }

  move(move: Move): boolean {
    const did = this[move]();
    this.watch();
    return did;
  }

  mainTurn(): boolean {
    const due = this.#mainTurns.splice(0);
    for (const run of due) run();
    return due.length > 0;
  }

  workerTurn(): boolean {
    const due = this.#workerTurns.splice(0);
    for (const run of due) run();
    return due.length > 0;
  }

  toWorker(): boolean {
    const message = this.mainPort.queue.shift();
    if (message !== undefined) this.fromMain(message);
    return message !== undefined;
  }

  toMain(): boolean {
    const message = this.workerPort.queue.shift();
    if (message === undefined) return false;
    if (this.deaf) return true;
    this.fromWorker(message);
    return true;
  }

  /** The worker hears a message by the port. */
  fromMain(message: unknown): void {
    this.workerPort.emit('message', message);
  }

  /** The main thread does. */
  fromWorker(message: unknown): void {
    this.mainPort.emit('message', message);
  }

  /** Moves on until nothing moves; `only` some directions where a side is stuck. */
  async settle(only: readonly Move[] = MOVES): Promise<void> {
    for (let idle = 0; idle < 4; idle += 1) {
      await nextTurn();
      for (const move of only) while (this.move(move)) idle = 0;
    }
  }
}

/** Bytes that tell their place. */
export function pattern(from: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at += 1) bytes[at] = ((from + at) * 31 + ((from + at) >>> 8)) & 255;
  return bytes;
}

export function collect(stream: Duplex): () => Buffer {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks);
}

export const withCode = (code: string): Error => Object.assign(new Error(code), { code });
