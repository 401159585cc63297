/** The connections on offer to one worker. Runs in the main thread. */
import { Registry } from '../../common/core/registry.ts';
import { PAGE_SLOTS, type LeaseBook, type LeaseId } from '../../common/wire/leases.ts';
import { leaseOf, type Connection } from './connection.ts';

export interface Offer {
  readonly connection: Connection;
  /** Where both sides claim it. */
  readonly slot: number;
  /** Whether its socket is sent to the worker once it is claimed. */
  readonly transfer: boolean;
}

/** Each connection that a worker is offered, from the offer until the claim is told or the connection is taken back. */
export class Offers {
  readonly #leases: LeaseBook;
  readonly #open = new Registry<LeaseId, Offer>();
  // Slots of connections taken back after the worker claimed them, but before its claim message arrived and before the
  // socket was sent.
  readonly #takenBack = new Registry<LeaseId, Pick<Offer, 'slot'>>();

  constructor(leases: LeaseBook) {
    this.#leases = leases;
  }

  /** Puts a connection on offer. Returns `undefined` where the worker has claimed it before: its claim is still to be told. */
  add(connection: Connection, transfer: boolean): Offer | undefined {
    const lease = leaseOf(connection);
    const claimed = this.#takenBack.get(lease);
    if (claimed) {
      this.#takenBack.delete(lease);
      this.#open.set(lease, { connection, slot: claimed.slot, transfer: true });
      return undefined;
    }
    const offer = { connection, slot: this.#leases.offer(lease), transfer };
    this.#open.set(lease, offer);
    return offer;
  }

  get(lease: LeaseId): Offer | undefined {
    return this.#open.get(lease);
  }

  all(): Offer[] {
    return [...this.#open.values()];
  }

  /** Takes a connection back that no handler of the worker has seen; false when one may have. */
  takeBack(lease: LeaseId): boolean {
    const offer = this.#open.get(lease);
    if (!offer) return false;
    if (!this.#leases.takeBack(lease)) {
      // Each of these keeps its slot until the worker speaks, so there may not be too many.
      if (!offer.transfer || this.#takenBack.size * 2 >= PAGE_SLOTS) return false;
      // Without this, a connection claimed just before the worker hangs would be stuck until that worker dies.
      this.#takenBack.set(lease, { slot: offer.slot });
    }
    return this.#open.delete(lease);
  }

  /** The worker tells of a claim: returns the offer, which is none any more; `undefined` if there is no such claim. */
  settle(lease: LeaseId): Offer | undefined {
    const offer = this.#open.get(lease);
    return offer && this.#leases.isClaimed(lease) && this.drop(offer) ? offer : undefined;
  }

  /** The connection is on offer no more; false if it was not. */
  drop({ connection }: Offer): boolean {
    return this.#open.delete(leaseOf(connection));
  }

  /** The same for a claim on a connection that was taken back; true if there was one. */
  settleTakenBack(lease: LeaseId): boolean {
    if (!this.#takenBack.delete(lease)) return false;
    const claimed = this.#leases.isClaimed(lease);
    this.#leases.close(lease);
    return claimed;
  }
}
