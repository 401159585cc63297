/** Shared memory that decides whether the main thread or a worker has an offered connection. Used in both threads. */
import { type ConnectionId } from '../core/types.ts';

/**
 * Who has a connection that was offered: the worker, once it claimed it, or again the main thread, once it
 * took it back. Each open offer has a word of memory that both threads share, holding the connection's id while it
 * is offered; both sides compare-and-swap from that very id, so exactly one wins, whatever the timing. An id that
 * reaches the worker late, after its slot was given to another connection, does not match and loses.
 */
export const CLAIM_SLOTS = 2048;

/** Ids must fit the slots' signed words with both signs. */
export const LAST_CONNECTION_ID = 0x7fff_ffff;

const TAKEN_BACK = 0;

const createClaims = (): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(CLAIM_SLOTS * Int32Array.BYTES_PER_ELEMENT));

/** The worker's move. False: it was taken back, and no handler may see it. */
export const claim = (slots: Int32Array, slot: number, id: ConnectionId): boolean =>
  Atomics.compareExchange(slots, slot, id, -id) === id;

/** The main thread's move. False: it was claimed. */
const takeBack = (slots: Int32Array, slot: number, id: ConnectionId): boolean =>
  Atomics.compareExchange(slots, slot, id, TAKEN_BACK) === id;

/** The main thread's side: which slot stands for which offer. */
export class OfferBook {
  readonly slots: Int32Array<SharedArrayBuffer> = createClaims();
  readonly #free = Array.from({ length: CLAIM_SLOTS }, (_, slot) => slot);
  readonly #slotOf = new Map<ConnectionId, number>();

  get size(): number {
    return this.#slotOf.size;
  }

  /** Opens an offer and returns its slot. The policy hands nobody more than half of them at a time. */
  offer(id: ConnectionId): number {
    const slot = this.#free.pop();
    if (slot === undefined)
      throw new RangeError(`more than ${CLAIM_SLOTS} unclaimed connections on one worker`);
    this.#slotOf.set(id, slot);
    Atomics.store(this.slots, slot, id);
    return slot;
  }

  /** True: the connection is the main thread's again. False: it was claimed, or is not on offer. */
  takeBack(id: ConnectionId): boolean {
    const slot = this.#slotOf.get(id);
    if (slot === undefined || !takeBack(this.slots, slot, id)) return false;
    this.#forget(id, slot);
    return true;
  }

  /** Notes the worker's word that it claimed; false when no such claim stands in the slot. */
  settle(id: ConnectionId): boolean {
    const slot = this.#slotOf.get(id);
    if (slot === undefined || Atomics.load(this.slots, slot) !== -id) return false;
    this.#forget(id, slot);
    return true;
  }

  open(): ConnectionId[] {
    return [...this.#slotOf.keys()];
  }

  #forget(id: ConnectionId, slot: number): void {
    this.#slotOf.delete(id);
    this.#free.push(slot);
  }
}
