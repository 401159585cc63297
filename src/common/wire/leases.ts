/** Shared memory that decides whether the main thread or a worker has a connection. Used in both threads. */
import { errors } from '../core/errors.ts';

/**
 * Who has a connection. A lease is one stay of a connection at one worker, from its offer until it is taken back or closed. It
 * has a slot of memory that both threads share. The slot's first word is:
 *
 * - the lease's number while nobody has the connection: it is on offer, or at rest. Either side may take it.
 * - the number's negative while the worker has it.
 * - anything else once the main thread has it.
 *
 * Both sides compare-and-swap from the very number, so exactly one wins, whatever the timing. No number is used twice,
 * so what reaches the worker late, after its slot was given to another lease, does not match and loses. (Leases with numbers
 * that only grow are known from lock services as fencing tokens.)
 */
export type LeaseId = number;

/**
 * A page of the memory of one worker's leases. Pages are added as they are needed. A buffer that grows in place would do with one,
 * but V8 takes four to eight times as long for each access to it.
 */
export type LeasePage = Int32Array<SharedArrayBuffer>;

/** Slots of a page. */
export const PAGE_SLOTS = 2048;

/** There are never more slots; a worker is offered fewer connections. */
export const MOST_SLOTS = 262_144;

/** Numbers must fit the slots' signed words with both signs. */
export const LAST_CONNECTION_ID = 0x7fff_ffff;

const SLOT_WORDS = 4;
// Words of a slot.
const HOLDER = 0;
/** Bytes of input that the worker had taken when the connection came to rest, modulo 2^32. */
const TAKEN = 1;
/** How long the connection may stay at rest, in milliseconds; 0 for no limit. */
const LIMIT = 2;

const TAKEN_BACK = 0;

const createPage = (): LeasePage =>
  new Int32Array(new SharedArrayBuffer(PAGE_SLOTS * SLOT_WORDS * Int32Array.BYTES_PER_ELEMENT));

/** Where the words of a slot are. */
export interface Slot {
  readonly page: LeasePage;
  readonly at: number;
}

/** Throws where the slot is in none of the pages. */
export function slotIn(pages: readonly LeasePage[], slot: number): Slot {
  const page = pages[Math.floor(slot / PAGE_SLOTS)];
  if (page === undefined) throw errors.badFrame(`slot ${slot} in ${pages.length} pages of ${PAGE_SLOTS}`);
  return { page, at: (slot % PAGE_SLOTS) * SLOT_WORDS };
}

/**
 * The worker's move, for an offer and for a connection at rest. False: the main thread has it, and no handler may see it any
 * more.
 */
export const claim = ({ page, at }: Slot, lease: LeaseId): boolean =>
  Atomics.compareExchange(page, at + HOLDER, lease, -lease) === lease;

/** What a worker leaves behind of a connection at rest. */
export interface Rested {
  /** Bytes of input that it has taken in this lease, modulo 2^32. */
  readonly taken: number;
  /** How long the connection may stay at rest, in milliseconds; 0 for no limit. */
  readonly limit: number;
}

/**
 * The worker's move: a connection that it has comes to rest. Everything that it wrote for the connection must be published
 * before. The first word is stored last: whoever finds the connection at rest must find the others right.
 */
export function rest({ page, at }: Slot, lease: LeaseId, taken: number, limit: number): void {
  page[at + TAKEN] = taken;
  page[at + LIMIT] = limit;
  Atomics.store(page, at + HOLDER, lease);
}

/** The main thread's side: which slot stands for which lease. */
export class LeaseBook {
  readonly pages: LeasePage[] = [createPage()];
  readonly #added: (page: LeasePage) => void;
  readonly #free: number[] = [];
  readonly #slotOf = new Map<LeaseId, number>();
  #slots = 0;

  /** Each further page is told to `added`: the worker must have it before it is offered a slot there. */
  constructor(added: (page: LeasePage) => void) {
    this.#added = added;
  }

  get size(): number {
    return this.#slotOf.size;
  }

  /** Opens a lease and returns its slot. The policy offers a worker no connection for which there is none. */
  offer(lease: LeaseId): number {
    const slot = this.#free.pop() ?? this.#next();
    this.#slotOf.set(lease, slot);
    const { page, at } = slotIn(this.pages, slot);
    Atomics.store(page, at + HOLDER, lease);
    return slot;
  }

  /** True: the connection is the main thread's again. False: it was claimed, or is not on offer. */
  takeBack(lease: LeaseId): boolean {
    return this.#take(lease) !== undefined;
  }

  /** The same for a connection at rest: what its worker has left; `undefined` where it is not at rest. */
  takeRested(lease: LeaseId): Rested | undefined {
    const slot = this.#take(lease);
    return slot && { taken: slot.page[slot.at + TAKEN] ?? 0, limit: slot.page[slot.at + LIMIT] ?? 0 };
  }

  /** Whether the worker has taken up an offer of which it says so. */
  isClaimed(lease: LeaseId): boolean {
    return this.#holder(lease) === -lease;
  }

  /** Whether the connection is at rest, or on offer, and its worker has taken fewer bytes than it was given. */
  isUntaken(lease: LeaseId, given: number): boolean {
    if (this.#holder(lease) !== lease) return false;
    const slot = this.#find(lease);
    return slot !== undefined && slot.page[slot.at + TAKEN] !== given;
  }

  /** The lease is over: its slot is free for another. */
  close(lease: LeaseId): void {
    const slot = this.#slotOf.get(lease);
    if (slot === undefined) return;
    this.#slotOf.delete(lease);
    this.#free.push(slot);
  }

  #take(lease: LeaseId): Slot | undefined {
    const slot = this.#find(lease);
    if (slot === undefined) return undefined;
    const { page, at } = slot;
    if (Atomics.compareExchange(page, at + HOLDER, lease, TAKEN_BACK) !== lease) return undefined;
    this.close(lease);
    return slot;
  }

  #holder(lease: LeaseId): number | undefined {
    const slot = this.#find(lease);
    return slot && Atomics.load(slot.page, slot.at + HOLDER);
  }

  #find(lease: LeaseId): Slot | undefined {
    const slot = this.#slotOf.get(lease);
    return slot === undefined ? undefined : slotIn(this.pages, slot);
  }

  #next(): number {
    if (this.#slots === MOST_SLOTS) throw new RangeError(`more than ${MOST_SLOTS} connections on one worker`);
    if (this.#slots === this.pages.length * PAGE_SLOTS) {
      const page = createPage();
      this.pages.push(page);
      this.#added(page);
    }
    this.#slots += 1;
    return this.#slots - 1;
  }
}
