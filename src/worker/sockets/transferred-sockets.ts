/** The worker's side of all its transferred connections. Runs in a worker. */
import { Socket } from 'node:net';
import { errors } from '../../common/core/errors.ts';
import { Registry } from '../../common/core/registry.ts';
import { type ConnectionId } from '../../common/core/types.ts';
import { FRAME } from '../../common/wire/frames.ts';
import {
  encodeCounts,
  encodeTransferClose,
  readCounts,
  type SocketMessage,
  type TransferClose,
  type WorkerSettings,
} from '../../common/wire/messages.ts';
import { type Lane } from '../../common/lane/lane.ts';
import { type Scopes } from '../../common/user-code/scope.ts';
import { networkError } from './socket-errors.ts';
import { countsOf, takeHandle, TransferredSocket, type TransferredOwner } from './transferred-socket.ts';

export type Arrival = SocketMessage & { readonly socket: Socket };

export const isArrival = (message: unknown): message is Arrival =>
  typeof message === 'object' && message !== null && 'socket' in message && message.socket instanceof Socket;

export interface TransferredSocketsOptions {
  readonly lane: Lane;
  readonly scopes: Scopes;
  readonly settings: Pick<WorkerSettings, 'allowHalfOpen' | 'highWaterMark' | 'maxOutput' | 'accepted'>;
  /** User code may run for that connection now. */
  readonly attends: (id: ConnectionId) => void;
  readonly closed: (id: ConnectionId) => void;
}

/** Sockets that were transferred to this worker, and those that are on their way. */
export class TransferredSockets {
  readonly #options: TransferredSocketsOptions;
  readonly #owner: TransferredOwner;
  readonly #expected = new Set<ConnectionId>();
  readonly #open = new Registry<ConnectionId, TransferredSocket>();
  #cut = false;

  constructor(options: TransferredSocketsOptions) {
    this.#options = options;
    const { allowHalfOpen, highWaterMark, maxOutput, accepted } = options.settings;
    this.#owner = {
      allowHalfOpen,
      highWaterMark,
      maxOutput,
      accepted,
      attends: options.attends,
      closes: (socket, end) => {
        this.#closes(socket, end);
      },
    };
  }

  get size(): number {
    return this.#expected.size + this.#open.size;
  }

  /** A connection is claimed, and its socket will come. */
  expect(id: ConnectionId): void {
    this.#expected.add(id);
  }

  /** Its socket will not come after all; false if none is expected. */
  giveUp(id: ConnectionId): boolean {
    return this.#expected.delete(id);
  }

  /** Makes the socket that handlers get. Returns `undefined` once this worker is cut off. */
  take({ id, socket, addresses }: Arrival): TransferredSocket | undefined {
    if (this.#cut) {
      socket.destroy();
      return undefined;
    }
    if (!this.#expected.delete(id)) throw errors.badFrame(`socket ${id}, which was not claimed`);
    const scope = this.#options.scopes.create();
    const adopted = new TransferredSocket(takeHandle(socket), { id, addresses, scope }, this.#owner);
    this.#open.set(id, adopted);
    // The sockets of a server read from the first moment on, too. Otherwise nobody would notice that the peer has gone.
    adopted.read(0);
    return adopted;
  }

  /** The main thread has seen no bytes move for too long. Closes the socket, unless more have moved than it knows of. */
  still(id: ConnectionId, payload: Buffer): void {
    const socket = this.#open.get(id);
    if (socket === undefined) return;
    const [then, now] = [readCounts(payload), countsOf(socket)];
    if (then.read === now.read && then.written === now.written) socket.destroy(networkError('ETIMEDOUT'));
    else this.#options.lane.control(FRAME.counts, id, encodeCounts(now));
  }

  /** This worker is no more: its sockets end, as they do when a thread ends. */
  cut(): void {
    this.#cut = true;
    const sockets = [...this.#open.values()];
    this.#open.clear();
    this.#expected.clear();
    for (const socket of sockets)
      socket
        .removeAllListeners()
        .on('error', () => undefined)
        .destroy();
  }

  #closes(socket: TransferredSocket, end: TransferClose): void {
    if (this.#cut) return;
    const id = socket.connectionId;
    this.#options.lane.control(FRAME.close, id, encodeTransferClose(end));
    this.#open.delete(id);
    this.#options.closed(id);
  }
}
