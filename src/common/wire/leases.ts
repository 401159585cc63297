/** Shared memory that decides whether the main thread or a worker has a connection. Used in both threads. */
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

/** The memory of the leases of one worker. It grows with their number. */
export type LeaseTable = Int32Array<SharedArrayBuffer>;

/** Slots of a new table. */
export const FIRST_SLOTS = 2048;

/** A table never has more slots; a worker is offered fewer connections. */
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
const SLOT_BYTES = SLOT_WORDS * Int32Array.BYTES_PER_ELEMENT;

/** A buffer that grows in place; all views that have no length of their own grow with it, in both threads. */
interface Growable {
  grow(bytes: number): void;
}

function createTable(): LeaseTable {
  const most: unknown = { maxByteLength: MOST_SLOTS * SLOT_BYTES };
  const Memory = SharedArrayBuffer as unknown as new (bytes: number, most: unknown) => SharedArrayBuffer;
  return new Int32Array(new Memory(FIRST_SLOTS * SLOT_BYTES, most));
}

/**
 * The worker's move, for an offer and for a connection at rest. False: the main thread has it, and no handler may see it any
 * more.
 */
export const claim = (table: Int32Array, slot: number, lease: LeaseId): boolean =>
  Atomics.compareExchange(table, slot * SLOT_WORDS + HOLDER, lease, -lease) === lease;

/** What a worker leaves behind of a connection at rest. */
export interface Rested {
  /** Bytes of input that it has taken in this lease, modulo 2^32. */
  readonly taken: number;
  /** How long the connection may stay at rest, in milliseconds; 0 for no limit. */
  readonly limit: number;
}

/**
 * The worker's move: a connection that it has comes to rest. Everything that it wrote for the connection must be published
 * before. The words are stored in this order because whoever finds the connection at rest must find the others right.
 */
export function rest(table: Int32Array, slot: number, lease: LeaseId, { taken, limit }: Rested): void {
  const at = slot * SLOT_WORDS;
  Atomics.store(table, at + TAKEN, taken | 0);
  Atomics.store(table, at + LIMIT, limit);
  Atomics.store(table, at + HOLDER, lease);
}

/** The main thread's side: which slot stands for which lease. */
export class LeaseBook {
  readonly table: LeaseTable = createTable();
  readonly #free: number[] = [];
  readonly #slotOf = new Map<LeaseId, number>();
  #slots = 0;

  get size(): number {
    return this.#slotOf.size;
  }

  /** Opens a lease and returns its slot. The policy offers a worker no connection for which there is none. */
  offer(lease: LeaseId): number {
    const slot = this.#free.pop() ?? this.#next();
    this.#slotOf.set(lease, slot);
    Atomics.store(this.table, slot * SLOT_WORDS, lease);
    return slot;
  }

  /** True: the connection is the main thread's again. False: it was claimed, or is not on offer. */
  takeBack(lease: LeaseId): boolean {
    const slot = this.#slotOf.get(lease);
    if (slot === undefined || !this.#takeBack(slot, lease)) return false;
    this.close(lease);
    return true;
  }

  /** The same for a connection at rest: what its worker has left; `undefined` where it is not at rest. */
  takeRested(lease: LeaseId): Rested | undefined {
    const slot = this.#slotOf.get(lease);
    if (slot === undefined || !this.takeBack(lease)) return undefined;
    const at = slot * SLOT_WORDS;
    return { taken: Atomics.load(this.table, at + TAKEN), limit: Atomics.load(this.table, at + LIMIT) };
  }

  /** Whether the worker has taken up an offer of which it says so. */
  isClaimed(lease: LeaseId): boolean {
    const slot = this.#slotOf.get(lease);
    return slot !== undefined && Atomics.load(this.table, slot * SLOT_WORDS) === -lease;
  }

  /** Whether the connection is at rest, or on offer, and its worker has taken fewer bytes than it was given. */
  isUntaken(lease: LeaseId, given: number): boolean {
    const at = (this.#slotOf.get(lease) ?? 0) * SLOT_WORDS;
    if (Atomics.load(this.table, at + HOLDER) !== lease) return false;
    return Atomics.load(this.table, at + TAKEN) !== given;
  }

  /** The lease is over: its slot is free for another. */
  close(lease: LeaseId): void {
    const slot = this.#slotOf.get(lease);
    if (slot === undefined) return;
    this.#slotOf.delete(lease);
    this.#free.push(slot);
  }

  #takeBack(slot: number, lease: LeaseId): boolean {
    return Atomics.compareExchange(this.table, slot * SLOT_WORDS, lease, TAKEN_BACK) === lease;
  }

  #next(): number {
    if (this.#slots === MOST_SLOTS) throw new RangeError(`more than ${MOST_SLOTS} connections on one worker`);
    const { buffer } = this.table;
    if (this.#slots * SLOT_BYTES === buffer.byteLength)
      (buffer as unknown as Growable).grow(buffer.byteLength * 2);
    this.#slots += 1;
    return this.#slots - 1;
  }
}
