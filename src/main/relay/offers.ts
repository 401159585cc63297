/** The connections on offer to one worker. Runs in the main thread. */
import { Registry } from '../../common/core/registry.ts';
import { type ConnectionId } from '../../common/core/types.ts';
import { CLAIM_SLOTS, OfferBook } from '../../common/wire/claims.ts';
import { type Connection } from './connection.ts';

export interface Offer {
  readonly connection: Connection;
  /** Where both sides claim it. */
  readonly slot: number;
  /** Whether its socket is sent to the worker once it is claimed. */
  readonly transfer: boolean;
}

/** Each connection that a worker is offered, from the offer until the claim is told or the connection is taken back. */
export class Offers {
  readonly #book = new OfferBook();
  readonly #open = new Registry<ConnectionId, Offer>();
  // Slots of connections taken back after the worker claimed them, but before its claim message arrived and before the
  // socket was sent.
  readonly #takenBack = new Registry<ConnectionId, Pick<Offer, 'slot'>>();

  /** The memory that both sides claim in. */
  get claims(): Int32Array<SharedArrayBuffer> {
    return this.#book.slots;
  }

  /** Puts a connection on offer. Returns `undefined` where the worker has claimed it before: its claim is still to be told. */
  add(connection: Connection, transfer: boolean): Offer | undefined {
    const { id } = connection;
    const claimed = this.#takenBack.get(id);
    if (claimed) {
      this.#takenBack.delete(id);
      this.#open.set(id, { connection, slot: claimed.slot, transfer: true });
      return undefined;
    }
    const offer = { connection, slot: this.#book.offer(id), transfer };
    this.#open.set(id, offer);
    return offer;
  }

  get(id: ConnectionId): Offer | undefined {
    return this.#open.get(id);
  }

  all(): Offer[] {
    return [...this.#open.values()];
  }

  /** Takes a connection back that no handler of the worker has seen; false when one may have. */
  takeBack(id: ConnectionId): boolean {
    const offer = this.#open.get(id);
    if (!offer) return false;
    if (!this.#book.takeBack(id)) {
      // Each of these keeps its slot until the worker speaks, so there may not be too many.
      if (!offer.transfer || this.#takenBack.size * 2 >= CLAIM_SLOTS) return false;
      // Without this, a connection claimed just before the worker hangs would be stuck until that worker dies.
      this.#takenBack.set(id, { slot: offer.slot });
    }
    return this.#open.delete(id);
  }

  /** The worker tells of a claim: returns the offer, which is none any more; `undefined` if there is no such claim. */
  settle(id: ConnectionId): Offer | undefined {
    const offer = this.#open.get(id);
    return offer && this.#book.settle(id) && this.#open.delete(id) ? offer : undefined;
  }

  /** The same for a claim on a connection that was taken back; true if there was one. */
  settleTakenBack(id: ConnectionId): boolean {
    return this.#takenBack.delete(id) && this.#book.settle(id);
  }
}
