import { expect, it } from 'vitest';
import { nearest } from '../../../src/common/core/nearest.ts';

const known = ['port', 'host', 'path', 'maxWorkers', 'minWorkers', 'clientInput', 'clientDisconnected', 'fd'];

it.each([
  ['clientDisconected', 'clientDisconnected'],
  ['clientdisconnected', 'clientDisconnected'],
  ['onClientInput', 'clientInput'],
  ['maxWorker', 'maxWorkers'],
  ['minworkers', 'minWorkers'],
  ['prot', 'port'],
  ['clinetInput', 'clientInput'],
  ['porst', 'port'],
  ['Port', 'port'],
  ['ports', 'port'],
  ['x', undefined],
  ['', undefined],
  ['somethingElse', undefined],
  ['a'.repeat(10_000), undefined],
])('of %s', (given, expected) => {
  expect(nearest(given, known)).toBe(expected);
});
