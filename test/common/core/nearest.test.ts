import { expect, it } from 'vitest';
import { knownAre, nearest } from '../../../src/common/core/nearest.ts';

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

it.each([
  [
    'app',
    ['workers', 'port'],
    '; an HTTP app is spread among the options: `...http(app)`, from forkless/http',
  ],
  ['port', ['idleGrace', 'http2'], '; that is an option of prefork() or createPrefork()'],
  ['prot', ['workers', 'port'], '; did you mean `port`?'],
  ['something', ['workers', 'port'], '; known are: workers, port'],
  ['something', Array.from({ length: 25 }, (_, n) => `option${n}`), '; README.md lists all'],
])('an unknown `%s` beside %j is told with%s', (given, names, expected) => {
  expect(knownAre(given, names)).toBe(expected);
});
