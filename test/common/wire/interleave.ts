/**
 * Runs two programs in every order of their atomic steps. A program is ordinary code that works on shared memory
 * by `Atomics` and on doorbells by its `Bells`; each such operation is one step, and what lies between two steps
 * touches nothing that the other program looks at. There is no way to stop code in the middle, so for each step a
 * program runs again from its start: it is given the answers it had before, and stops at its first new operation.
 */
export interface Bells {
  ring(whom: Who): void;
  /** Waits for a doorbell and uses it up. */
  wait(): void;
}

export type Who = 'writer' | 'reader';
export type Program = (bells: Bells) => void;

export interface World {
  readonly writer: Program;
  readonly reader: Program;
  /** Throws if the world is not as it should be once nothing can happen any more. */
  readonly settled: (blocked: readonly Who[]) => void;
}

/** Ends a run before the next step. */
class Stop extends Error {}

/** One program with the answers it has had. */
class Actor {
  readonly answers: number[] = [];
  readonly #name: Who;
  readonly #program: Program;
  readonly #bells: Record<Who, number>;
  done = false;
  waits = false;

  constructor(name: Who, program: Program, bells: Record<Who, number>) {
    this.#name = name;
    this.#program = program;
    this.#bells = bells;
    this.#run(false);
  }

  get canStep(): boolean {
    return !this.done && (!this.waits || this.#bells[this.#name] > 0);
  }

  step(): void {
    this.#run(true);
  }

  // Up to the next operation that is not done yet; with `one`, past one such operation.
  #run(one: boolean): void {
    let used = 0;
    let isNew = !one;
    const answer = (operation: () => number): number => {
      const known = this.answers[used];
      used += 1;
      if (known !== undefined) return known;
      if (isNew) throw new Stop();
      isNew = true;
      const value = operation();
      this.answers.push(value);
      return value;
    };
    this.waits = false;
    const bells: Bells = {
      ring: (whom) => answer(() => (this.#bells[whom] += 1)),
      wait: () => {
        if (isNew && used === this.answers.length) this.waits = true;
        answer(() => (this.#bells[this.#name] -= 1));
      },
    };
    this.done = runs(() => {
      this.#program(bells);
    }, answer);
  }
}

/** True if `run` came to its end. */
function runs(run: () => void, answer: (operation: () => number) => number): boolean {
  const { load, store, exchange, compareExchange } = Atomics;
  const own = { load, store, exchange, compareExchange };
  Object.assign(Atomics, {
    load: (words: Int32Array, at: number) => answer(() => load(words, at)),
    store: (words: Int32Array, at: number, value: number) => answer(() => store(words, at, value)),
    exchange: (words: Int32Array, at: number, value: number) => answer(() => exchange(words, at, value)),
    compareExchange: (words: Int32Array, at: number, from: number, to: number) =>
      answer(() => compareExchange(words, at, from, to)),
  });
  try {
    run();
    return true;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return false;
  } finally {
    Object.assign(Atomics, own);
  }
}

/** Tries every order of steps; returns how many different ends there are. */
export function everyOrder(create: () => World): number {
  const seen = new Set<string>();
  let ends = 0;
  const todo: Who[][] = [[]];
  for (let order = todo.pop(); order !== undefined; order = todo.pop()) {
    const bells: Record<Who, number> = { writer: 0, reader: 0 };
    const world = create();
    const actors = {
      writer: new Actor('writer', world.writer, bells),
      reader: new Actor('reader', world.reader, bells),
    };
    for (const who of order) actors[who].step();
    const key = `${actors.writer.answers.join()}|${actors.reader.answers.join()}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const able = (['writer', 'reader'] as const).filter((who) => actors[who].canStep);
    for (const who of able) todo.push([...order, who]);
    if (able.length > 0) continue;
    ends += 1;
    world.settled((['writer', 'reader'] as const).filter((who) => !actors[who].done));
  }
  return ends;
}
