import fc from 'fast-check';
import { BASES, KINDS, made as make, NAMES } from './handlers/hostile.mjs';

/** A value that resists being looked at, as plain data. */
export interface Description {
  readonly base: string;
  readonly fields: Readonly<Record<string, string>>;
}

export const description: fc.Arbitrary<Description> = fc.record({
  base: fc.constantFrom(...Object.keys(BASES)),
  fields: fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom(...KINDS), { maxKeys: 3 }),
});

export const made: (description: Description) => unknown = make;
