import fc from 'fast-check';
import { differences } from './oracle.ts';
import { type Program } from './random-program.ts';
import { Side, type SideKind, type SideOptions } from './sides.ts';

export interface SidesOptions {
  readonly kinds: readonly Exclude<SideKind, 'net'>[];
  readonly tls?: SideOptions['tls'];
}

/** All sides of a comparison, with a half-open server and one that is not on each. */
export class Sides {
  readonly #options: SidesOptions;
  readonly #open = new Map<boolean, Side[]>();

  constructor(options: SidesOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { kinds, tls } = this.#options;
    for (const allowHalfOpen of [false, true]) {
      const all = (['net', ...kinds] as const).map((kind) =>
        Side.open({ kind, allowHalfOpen, ...(tls && { tls }) }),
      );
      this.#open.set(allowHalfOpen, await Promise.all(all));
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].flat().map((side) => side.close()));
  }

  /** In what the others differ from Node's own. */
  async differences(program: Program): Promise<string[]> {
    const [plain, ...others] = this.#open.get(program.allowHalfOpen)!;
    const original = await plain!.play(program, false);
    const found: string[] = [];
    for (const side of others) {
      const saw = await side.play(program, true);
      const ways = { secure: this.#options.tls !== undefined, relayed: side.kind === 'relay' };
      found.push(...differences(program, original, saw, ways).map((what) => `${side.kind}: ${what}`));
      const foreign = side.foreign.splice(0).slice(0, inContexts(program) ? 3 : 0);
      for (const what of [...side.trouble.splice(0), ...foreign]) found.push(`${side.kind}: ${what}`);
    }
    return found;
  }
}

const inContexts = ({ conversations }: Program): boolean =>
  conversations.some(({ handler }) => handler.context !== 'none');

/** Sides that can be compared. */
export interface Played<P> {
  differences(program: P): Promise<string[]>;
}

export interface Terms {
  readonly seed: number;
  readonly runs: number;
  /** Where a failure was found with this seed. */
  readonly path?: string | undefined;
}

// Once a program has failed, each smaller one gets so many chances to fail as well, for luck has a part in it.
const CHANCES = 6;
const SMALLER_ONES = 150;

/**
 * Plays random programs, and throws for the first one in which a side differs, made as small as can be found, with all
 * that is needed to play it again. Returns how many were played.
 */
export async function play<P>(
  sides: Played<P>,
  programs: fc.Arbitrary<P>,
  { seed, runs, path }: Terms,
): Promise<number> {
  let [played, smaller] = [0, 0];
  let last: { program: P; found: string[] } | undefined;
  const property = fc.asyncProperty(programs, async (program) => {
    if (last && (smaller += 1) > SMALLER_ONES) return;
    for (let chance = 0; chance < (last ? CHANCES : 1); chance += 1) {
      played += 1;
      const found = await sides.differences(program);
      if (found.length === 0) continue;
      last = { program, found };
      throw new Error(found.join('\n'));
    }
  });
  const result = await fc.check(property, { seed, numRuns: runs, ...(path !== undefined && { path }) });
  if (last) throw new Error(report(last, seed, result.counterexamplePath));
  if (result.failed) throw new Error(String(result.errorInstance));
  return played;
}

/** Plays random programs for so long, each ten of them with a seed of their own. */
export async function playFor<P>(
  seconds: number,
  sides: Played<P>,
  programs: fc.Arbitrary<P>,
  seed: number,
): Promise<number> {
  const until = performance.now() + seconds * 1_000;
  let played = 0;
  for (let round = 0; performance.now() < until; round += 1)
    played += await play(sides, programs, { seed: seed + round, runs: 10 });
  return played;
}

const report = (
  { program, found }: { program: unknown; found: readonly string[] },
  seed: number,
  path: string | null,
): string =>
  [
    ...found,
    `Found with DIFFERENTIAL_SEED=${seed} DIFFERENTIAL_PATH=${path ?? ''}. With this file, the smallest program found is played again by`,
    `DIFFERENTIAL_PROGRAM='${JSON.stringify(program)}'`,
  ].join('\n');

/** A program that is known to have failed: several times, since luck has a part in it. */
export async function playAgain<P>(sides: Played<P>, program: P, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const found = await sides.differences(program);
    if (found.length > 0) throw new Error(found.join('\n'));
  }
}
