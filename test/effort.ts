// How much the tests try. The whole run (`npm test`) does all of it; the unit run (`npm run test:unit`) takes the same tests
// and fewer tries, for an answer while one works. vitest.config.ts says which of the two it is.
export const WHOLE: boolean = process.env['TEST_RUN'] !== 'unit';

/** How often a property is tried: a tenth of the whole in the unit run. */
export const tries = (whole: number): number => (WHOLE ? whole : Math.ceil(whole / 10));

/** Which seeds or rows are taken: the first of all in the unit run. */
export const few = <T>(all: readonly T[]): readonly T[] => (WHOLE ? all : all.slice(0, 1));
