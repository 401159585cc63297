/** The worker's side of all its connections. Runs in a worker. */
import { MAX_WAIT } from '../../common/core/check.ts';
import { errors } from '../../common/core/errors.ts';
import { Registry } from '../../common/core/registry.ts';
import { type ConnectionId, type Secured } from '../../common/core/types.ts';
import { claim, rest, slotIn, type LeaseId, type LeasePage } from '../../common/wire/leases.ts';
import { FRAME, readWord, type FrameKind } from '../../common/wire/frames.ts';
import { readClose, readOpen, type OpenFrame, type WorkerSettings } from '../../common/wire/messages.ts';
import { callUser } from '../../common/user-code/call-user.ts';
import { type Lane } from '../../common/lane/lane.ts';
import { RelaySocket, type SocketKeeper } from './relay-socket.ts';
import { type Scopes, within } from '../../common/user-code/scope.ts';
import { type TransferredSocket } from './transferred-socket.ts';
import { TransferredSockets, type Arrival } from './transferred-sockets.ts';

/** A connection in its worker, as its transport brings it. */
export type WorkerSocket = RelaySocket | TransferredSocket;

export interface WorkerSocketsOptions {
  /** The worker's end of the lanes to the main thread; it gives its frames to `frame`. */
  readonly lane: Lane;
  readonly settings: Pick<
    WorkerSettings,
    'window' | 'allowHalfOpen' | 'highWaterMark' | 'maxOutput' | 'accepted' | 'leases'
  >;
  readonly scopes: Scopes;
  /** A connection was claimed and is to be served; called in its scope. */
  readonly connected: (socket: WorkerSocket, secured: Secured | undefined) => void;
  /** User code may run for that connection now. */
  readonly attends?: (id: ConnectionId) => void;
  /** A claim was told so late that the connection has been taken back. */
  readonly gaveUp?: () => void;
  /** A connection is closed, or was taken back. */
  readonly closed: (id: ConnectionId) => void;
  /** Asks for `published` to be called, once all that was written can be seen by the main thread. */
  readonly askTurn?: () => void;
}

/** Bytes of the payload that offers a connection whose socket will come; other offers are longer. */
const WORD = 4;

/** Claims connections, and gives each frame of the main thread to the socket it belongs to. */
export class WorkerSockets implements SocketKeeper {
  readonly #options: WorkerSocketsOptions;
  readonly #lane: Lane;
  readonly #relayed = new Registry<LeaseId, RelaySocket>();
  readonly #pages: LeasePage[];
  /** Sockets on which nothing is under way any more, in this turn. */
  #settled: RelaySocket[] = [];
  readonly #transferred: TransferredSockets;
  #served = 0;
  #cut = false;
  #moves = false;

  constructor(options: WorkerSocketsOptions) {
    this.#options = options;
    this.#lane = options.lane;
    this.#pages = [...options.settings.leases];
    this.#transferred = new TransferredSockets({
      lane: this.#lane,
      scopes: options.scopes,
      settings: options.settings,
      attends: (id) => options.attends?.(id),
      closed: options.closed,
    });
  }

  /** This worker leaves, and connections that are at rest go to other workers. */
  get moves(): boolean {
    return this.#moves;
  }

  /** This worker leaves; with `moves`, connections at rest go to other workers from now on. */
  leaving(moves: boolean): void {
    this.#moves = moves;
    if (!moves) return;
    // The main thread may have looked before these came to rest.
    for (const socket of this.#relayed.values()) if (socket.resting) this.#offer(socket);
  }

  settled(socket: RelaySocket): void {
    this.#settled.push(socket);
    this.#options.askTurn?.();
  }

  /** The main thread can see all that was written: connections on which nothing is under way come to rest. */
  published(): void {
    if (this.#settled.length === 0) return;
    for (const socket of this.#settled) {
      if (!socket.rest()) continue;
      const { slot, lease, taken, timeout = 0 } = socket;
      rest(slot, lease, taken, Math.min(Math.ceil(timeout), MAX_WAIT));
      if (this.#moves) this.#offer(socket);
    }
    this.#settled.length = 0;
  }

  #offer({ lease }: RelaySocket): void {
    this.#lane.control(FRAME.rest, lease);
  }

  takeUp({ slot, lease }: RelaySocket): boolean {
    return claim(slot, lease);
  }

  /** There is more memory for leases. */
  addPage(page: LeasePage): void {
    this.#pages.push(page);
  }

  closed(socket: RelaySocket): void {
    this.#relayed.delete(socket.lease);
    this.#options.closed(socket.connectionId);
  }

  /** Connections claimed and not closed. */
  get open(): number {
    return this.#relayed.size + this.#transferred.size;
  }

  /** Connections ever claimed, without those that were taken back afterwards. */
  get served(): number {
    return this.#served;
  }

  /** This worker is no more, though its code may be: nothing is told of its connections from here on. */
  cut(): void {
    this.#cut = true;
    const sockets = [...this.#relayed.values()];
    this.#relayed.clear();
    for (const socket of sockets) {
      socket.removeAllListeners().on('error', () => undefined);
      socket.setTimeout(0);
    }
    this.#transferred.cut();
  }

  /** The socket of a connection that was claimed has come by the port. */
  arrived(arrival: Arrival): void {
    const socket = this.#transferred.take(arrival);
    if (socket) this.#connected(socket);
  }

  /** A frame came from the main thread. */
  frame(kind: FrameKind, id: ConnectionId, payload: Buffer): void {
    if (kind === FRAME.open) {
      this.#opened(id, payload);
      return;
    }
    if (kind === FRAME.counts) {
      this.#transferred.still(id, payload);
      return;
    }
    if (kind === FRAME.close && this.#transferred.giveUp(id)) {
      // This side has told of its claim so late that another worker has got the connection.
      this.#served -= 1;
      this.#options.gaveUp?.();
      this.#options.closed(id);
      return;
    }
    // No socket is there for a frame that comes late, after the socket was closed.
    const socket = this.#relayed.get(id);
    if (socket && this.#mayHave(socket, kind))
      socket.scope.runInAsyncScope(this.#inScope, this, socket, kind, payload);
  }

  /** Whether a frame still concerns the socket. */
  #mayHave(socket: RelaySocket, kind: FrameKind): boolean {
    if (kind === FRAME.takenBack) {
      socket.vanish();
      return false;
    }
    // Credit is left out: it comes for any connection at any time.
    if (kind === FRAME.credit) return true;
    if (!socket.takeUp()) return false;
    this.#options.attends?.(socket.connectionId);
    return true;
  }

  #inScope(socket: RelaySocket, kind: FrameKind, payload: Buffer): void {
    callUser(() => {
      this.#forSocket(socket, kind, payload);
    });
  }

  #opened(id: ConnectionId, payload: Buffer): void {
    if (this.#cut) return;
    if (payload.length === WORD) {
      if (this.#claim(id, readWord(payload))) this.#transferred.expect(id);
      return;
    }
    const open = readOpen(payload);
    // A second offer says that the socket could not be sent: the connection is to be relayed.
    if (this.#transferred.giveUp(id) || this.#claim(id, open.slot)) this.#relay(id, open);
  }

  #claim(id: ConnectionId, slot: number): boolean {
    const claimed = claim(slotIn(this.#pages, slot), id);
    if (claimed) this.#served += 1;
    this.#lane.control(claimed ? FRAME.claim : FRAME.skip, id);
    return claimed;
  }

  #relay(lease: LeaseId, { slot, addresses, secured, resumed }: OpenFrame): void {
    const { settings } = this.#options;
    const { window, allowHalfOpen, highWaterMark, maxOutput, accepted } = settings;
    const socket = new RelaySocket({
      id: resumed?.connection ?? lease,
      lease,
      slot: slotIn(this.#pages, slot),
      addresses,
      lane: this.#lane,
      scope: this.#options.scopes.create(),
      window,
      allowHalfOpen,
      highWaterMark,
      maxOutput,
      noDelay: accepted.noDelay === true,
      resumed,
      keeper: this,
    });
    this.#relayed.set(lease, socket);
    this.#connected(socket, secured);
  }

  #connected(socket: WorkerSocket, secured?: Secured): void {
    this.#options.attends?.(socket.connectionId);
    within(socket.scope, () => {
      callUser(() => {
        this.#options.connected(socket, secured);
      });
    });
  }

  #forSocket(socket: RelaySocket, kind: FrameKind, payload: Buffer): void {
    if (kind === FRAME.data) socket.receive(payload);
    else if (kind === FRAME.end) socket.receiveEnd();
    else if (kind === FRAME.close) socket.receiveClose(readClose(payload));
    else if (kind === FRAME.credit) socket.receiveCredit(readWord(payload));
    else throw errors.badFrame(`kind ${kind} for a worker`);
  }
}
