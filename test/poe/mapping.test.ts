import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { PARAMETERS } from '../../src/poe/check-parameters.ts';
import { KNOWN_FILTERS } from '../../src/poe/known-filters.ts';
import { Kernel } from '../../src/poe/kernel.ts';
import { Wheel } from '../../src/poe/wheel.ts';

const page = await readFile(new URL('../../docs/coming-from-poe.md', import.meta.url), 'utf8');
const methodsOf = ({ prototype }: { readonly prototype: object }): string[] =>
  Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');

it.each([
  ['parameter', PARAMETERS],
  ['filter', Object.keys(KNOWN_FILTERS)],
  [
    'parameter of a filter',
    Object.values(KNOWN_FILTERS).flatMap(({ parameters }) => Object.keys(parameters)),
  ],
  ['method of a wheel', methodsOf(Wheel)],
  ['method of the kernel', methodsOf(Kernel)],
])('every %s stands on the page for those who come from POE', (_, names) => {
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !new RegExp(`\`${name}[\`(]`).test(page))).toEqual([]);
});
