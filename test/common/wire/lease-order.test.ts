import { describe, expect, it } from 'vitest';
import { FRAME } from '../../../src/common/wire/frames.ts';
import { claim, LeaseBook, type LeasePage, rest, type Slot } from '../../../src/common/wire/leases.ts';
import { ASLEEP, createRing, RingWriter } from '../../../src/common/wire/ring.ts';
import { RingReader } from '../../../src/common/wire/ring-reader.ts';
import { WHOLE } from '../../effort.ts';
import { everyOrder, type World } from './interleave.ts';

// Neither ring comes to its end in a run, so no frame is written over another: each program runs again from its start for
// each of its steps, and must find what it found before.
const TO_WORKER = 128;
const TO_MAIN = 256;
/** Leases of the first connection, of one that has its slot after it, and of one that is not looked at. */
const FIRST = 1;
const SECOND = 2;
const OTHER = 9;
/** The first slot of a page. */
const slotOn = (page: LeasePage): Slot => ({ page, at: 0 });
// Words of a slot.
const HOLDER = 0;
const TAKEN = 1;

/** A way to get the protocol wrong. */
type Mutant =
  | 'the word before the output'
  | 'the word before what was taken'
  | 'no reading before it goes on'
  | 'the same number again'
  | 'a walk from a new head'
  | 'frames before the walk';

/** `pass`: reads, answers, publishes and rests. `touch`: writes of its own accord, publishes and rests. */
type Deed = 'pass' | 'touch';

interface Plan {
  /** Data frames of the first lease. */
  readonly gives: number;
  /** Whether each is published by itself. */
  readonly each: boolean;
  readonly worker: readonly Deed[];
  /** Whether the slot has another lease after the first was taken. */
  readonly again?: boolean;
  readonly mutant?: Mutant;
}

/** Bytes of the peer; those that the worker writes of its own accord are from 100 on. */
const OWN = 100;

/** The book of a main thread that has offered the first lease; its words are those of `memory`. */
function bookOn(memory: SharedArrayBuffer): LeaseBook {
  const { SharedArrayBuffer: Memory } = globalThis;
  const { store } = Atomics;
  // The words stand already, and are no steps.
  Object.assign(globalThis, {
    SharedArrayBuffer: function Stands() {
      return memory;
    },
  });
  Object.assign(Atomics, { store: () => 0 });
  try {
    const book = new LeaseBook(() => undefined);
    book.offer(FIRST);
    return book;
  } finally {
    Object.assign(globalThis, { SharedArrayBuffer: Memory });
    Object.assign(Atomics, { store });
  }
}

function awake(capacity: number): SharedArrayBuffer {
  const memory = createRing(capacity);
  // Nobody sleeps: both sides look again and again.
  new Int32Array(memory)[ASLEEP] = 0;
  return memory;
}

/** What the main thread comes to know in one run. */
interface Main {
  won: boolean;
  /** Bytes of the worker that were read before the connection went on. */
  read: number;
  unread: number[];
}

class Model {
  readonly toWorker = awake(TO_WORKER);
  readonly toMain = awake(TO_MAIN);
  readonly words = new SharedArrayBuffer(64);
  readonly table = new Int32Array(this.words);
  readonly plan: Plan;
  main: Main = { won: false, read: 0, unread: [] };
  /** Bytes that the worker wrote of its own accord, after a claim that it won. */
  own: number[] = [];

  constructor(plan: Plan) {
    this.plan = plan;
    // The worker has it, and has taken nothing so far.
    this.table[HOLDER] = -FIRST;
  }

  /** Bytes given to the first connection. */
  get given(): number[] {
    return Array.from({ length: this.plan.gives }, (_, at) => at + 1);
  }

  runMain(ring: () => void): void {
    const { mutant, each } = this.plan;
    const main: Main = (this.main = { won: false, read: 0, unread: [] });
    const book = bookOn(this.words);
    const writer = new RingWriter(this.toWorker);
    for (const byte of this.given) {
      give(writer, FIRST, byte);
      if (each) writer.publish();
    }
    // The head is known from here, as far as the worker has come by now.
    writer.room(Infinity);
    writer.publish();
    const rested = book.takeRested(FIRST);
    if (rested) {
      main.won = true;
      // Before the second of them the writer looks for room.
      if (mutant === 'frames before the walk') for (const byte of [0, 0]) give(writer, OTHER, byte);
      if (mutant === 'a walk from a new head') writer.room(Infinity);
      main.unread = lastOf(writer, this.plan.gives - rested.taken);
      if (mutant !== 'no reading before it goes on') main.read = framesOf(this.toMain).length;
      if (this.plan.again === true) this.#giveSecond(book, writer);
    }
    ring();
  }

  #giveSecond(book: LeaseBook, writer: RingWriter): void {
    const lease = this.#secondLease;
    book.offer(lease);
    give(writer, lease, 50);
    writer.publish();
  }

  get #secondLease(): number {
    return this.plan.mutant === 'the same number again' ? FIRST : SECOND;
  }

  runWorker(wait: () => void): void {
    this.own = [];
    const worker = new Worker(this);
    for (const deed of this.plan.worker) worker[deed]();
    // The main thread has done all that it does; the worker reads what is left.
    wait();
    worker.pass();
  }

  settled(): void {
    const { won, read, unread } = this.main;
    const frames = framesOf(this.toMain);
    const first = frames.filter(({ lease }) => lease === FIRST);
    const early = won ? frames.slice(0, read).filter(({ lease }) => lease === FIRST) : first;
    const echoed = early.map(({ byte }) => byte);
    expect([...echoed.filter((byte) => byte < OWN), ...unread]).toEqual(this.given);
    expect(echoed.filter((byte) => byte >= OWN)).toEqual(this.own);
    // Nothing comes of a lease that is over. With the same number, that is what another connection hears.
    expect(first.length, 'late output').toBe(early.length);
    const second = frames.filter(({ lease }) => lease === SECOND).map(({ byte }) => byte);
    expect(second).toEqual(won && this.plan.again === true ? [50] : []);
  }
}

/** The worker's side, as `WorkerSockets` and `RelaySocket` have it. */
class Worker {
  readonly #model: Model;
  readonly #reader: RingReader;
  readonly #writer: RingWriter;
  readonly #places = new Map([[FIRST, { place: 'busy', taken: 0 }]]);
  #touches = 0;

  constructor(model: Model) {
    this.#model = model;
    this.#reader = new RingReader(model.toWorker);
    this.#writer = new RingWriter(model.toMain);
  }

  pass(): void {
    this.#reader.read(
      (_, lease, payload) => {
        for (const byte of payload) this.#take(lease, byte);
      },
      () => undefined,
    );
    this.#turn();
  }

  touch(): void {
    if (this.#takeUp(FIRST)) {
      const byte = OWN + this.#touches;
      this.#touches += 1;
      this.#model.own.push(byte);
      give(this.#writer, FIRST, byte);
    }
    this.#turn();
  }

  #take(lease: number, byte: number): void {
    if (lease === OTHER || !this.#takeUp(lease)) return;
    this.#places.get(lease)!.taken += 1;
    give(this.#writer, lease, byte);
  }

  #takeUp(lease: number): boolean {
    const known = this.#places.get(lease) ?? { place: 'resting', taken: 0 };
    this.#places.set(lease, known);
    if (known.place === 'resting') known.place = claim(slotOn(this.#model.table), lease) ? 'busy' : 'gone';
    return known.place === 'busy';
  }

  #turn(): void {
    const early = this.#model.plan.mutant === 'the word before the output';
    if (early) this.#rest();
    this.#writer.publish();
    if (!early) this.#rest();
  }

  #rest(): void {
    const known = this.#places.get(FIRST)!;
    if (known.place !== 'busy' || known.taken === 0) return;
    known.place = 'resting';
    const { table, plan } = this.#model;
    if (plan.mutant === 'the word before what was taken') {
      Atomics.store(table, HOLDER, FIRST);
      Atomics.store(table, TAKEN, known.taken);
    } else rest(slotOn(table), FIRST, known.taken, 0);
  }
}

function give(writer: RingWriter, lease: number, byte: number): void {
  expect(writer.data(lease, Uint8Array.of(byte), 0, 1)).toBe(1);
}

function lastOf(writer: RingWriter, unread: number): number[] {
  const all: number[] = [];
  writer.visitData((lease, bytes) => {
    if (lease === FIRST) all.push(...bytes);
  });
  expect(all.length, 'unread bytes that are found').toBeGreaterThanOrEqual(unread);
  return unread === 0 ? [] : all.slice(-unread);
}

/** What a reader finds that is published by now. */
function framesOf(memory: SharedArrayBuffer): { lease: number; byte: number }[] {
  const frames: { lease: number; byte: number }[] = [];
  new RingReader(memory).read(
    (kind, lease, payload) => {
      expect(kind).toBe(FRAME.data);
      for (const byte of payload) frames.push({ lease, byte });
    },
    () => undefined,
  );
  return frames;
}

/** Returns how many ends there are in which the main thread took the connection back, and in which it did not. */
function everyEnd(plan: Plan): { won: number; lost: number } {
  const ends = { won: 0, lost: 0 };
  everyOrder((): World => {
    const model = new Model(plan);
    return {
      writer: (bells) => {
        model.runMain(() => {
          bells.ring('reader');
        });
      },
      reader: (bells) => {
        model.runWorker(() => {
          bells.wait();
        });
      },
      settled: (blocked) => {
        expect(blocked).toEqual([]);
        model.settled();
        ends[model.main.won ? 'won' : 'lost'] += 1;
      },
    };
  });
  return ends;
}

const PLANS: Plan[] = [
  { gives: 2, each: true, worker: ['pass', 'pass'] },
  { gives: 2, each: false, worker: ['pass', 'pass'] },
  { gives: 2, each: true, worker: ['pass', 'touch'] },
  { gives: 2, each: true, worker: ['pass', 'pass'], again: true },
  { gives: 2, each: true, worker: ['pass', 'touch'], again: true },
  // These orders alone take longer than all others.
  ...(WHOLE ? ([{ gives: 3, each: true, worker: ['pass', 'pass', 'touch'], again: true }] as Plan[]) : []),
];

const LOST = /^unread bytes that are found/;
const WRONG = /to deeply equal/;
const LATE = /^late output/;

const CAUGHT: [Mutant, RegExp, Omit<Plan, 'gives' | 'each' | 'mutant'>][] = [
  ['the word before the output', WRONG, { worker: ['pass', 'pass'] }],
  ['the word before what was taken', LOST, { worker: ['pass', 'pass'] }],
  ['no reading before it goes on', WRONG, { worker: ['pass', 'pass'] }],
  ['the same number again', LATE, { worker: ['pass', 'touch'], again: true }],
  ['a walk from a new head', LOST, { worker: ['pass', 'pass'] }],
  ['frames before the walk', LOST, { worker: ['pass', 'pass'] }],
];

describe('in every order of the atomic steps of a take-back and of the worker', () => {
  it.each(PLANS)(
    '$gives bytes are answered or taken back, once and in order (each published: $each, worker: $worker, again: $again)',
    (plan) => {
      const { won, lost } = everyEnd(plan);
      expect(Math.min(won, lost)).toBeGreaterThan(0);
    },
  );

  it.each(CAUGHT)('caught: %s', (mutant, how, plan) => {
    expect(() => everyEnd({ gives: 2, each: true, ...plan, mutant })).toThrow(how);
  });
});
