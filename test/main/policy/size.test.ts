import { describe, expect, it } from 'vitest';
import { type PolicyConfig, type PolicyOptions, resolvePolicy } from '../../../src/main/policy/config.ts';

const CORES = 6;
const resolved = (options: PolicyOptions): PolicyConfig => resolvePolicy(options, CORES);

describe('workers', () => {
  it.each<[number | string, readonly [least: number, most: number]]>([
    [1, [1, 1]],
    [4, [4, 4]],
    [1024, [1024, 1024]],
    ['4', [4, 4]],
    ['cores', [CORES, CORES]],
    ['2..8', [2, 8]],
    ['0..3', [0, 3]],
    ['5..5', [5, 5]],
  ])('%s', (workers, [least, most]) => {
    expect(resolved({ workers })).toEqual({
      ...resolved({}),
      startWorkers: least,
      minWorkers: least,
      maxWorkers: most,
      minSpareWorkers: 0,
      maxSpareWorkers: Infinity,
      growUtilization: 0.8,
    });
  });

  it('are no more than there may be, however many cores there are', () => {
    expect(resolvePolicy({ workers: 'cores' }, 4096).maxWorkers).toBe(1024);
  });

  it.each<[unknown]>([
    [0],
    [-1],
    [1.5],
    [1025],
    [Infinity],
    [NaN],
    [null],
    [true],
    [[2, 8]],
    [''],
    ['0'],
    ['Cores'],
    ['all'],
    ['4 '],
    ['-2'],
    ['2.5'],
    ['2..'],
    ['..8'],
    ['8..2'],
    ['0..0'],
    ['2...8'],
    ['2..1025'],
    ['2..8..9'],
    ['99999'],
  ])('are not %o', (workers) => {
    expect(() => resolved({ workers: workers as string })).toThrow(
      "Expected `workers` to be an integer from 1 to 1024, 'cores', or a range as '2..8', got ",
    );
  });

  it.each<[PolicyOptions]>([
    [{ workers: 4, startWorkers: 4, minWorkers: 4, maxWorkers: 4 }],
    [{ workers: '2..8', minWorkers: 2, maxWorkers: 8 }],
    [{ workers: 4, maxSessionsPerWorker: 1, maxSpareTime: 5, maxLifetime: 9 }],
    [{ workers: undefined, startWorkers: 1, maxWorkers: 3 }],
  ])('agree with %o', (options) => {
    expect(resolved(options)).toMatchObject(
      Object.fromEntries(Object.entries(options).filter(([name]) => name !== 'workers')),
    );
  });

  it('may start with more than the least', () => {
    expect(resolved({ workers: '2..8', startWorkers: 5 })).toMatchObject({ startWorkers: 5, minWorkers: 2 });
  });

  it.each<[PolicyOptions, string]>([
    [
      { workers: 4, maxWorkers: 8 },
      '`maxWorkers` (8) contradicts `workers` (4), which makes it 4. Give `workers` alone',
    ],
    [{ workers: 4, startWorkers: 2 }, '`startWorkers` (2) contradicts `workers` (4), which makes it 4.'],
    [
      { workers: '2..8', startWorkers: 9 },
      '`startWorkers` (9) contradicts `workers` ("2..8"), which allows 2 to 8.',
    ],
    [
      { workers: 'cores', minWorkers: 2 },
      '`minWorkers` (2) contradicts `workers` ("cores"), which makes it 6.',
    ],
    [
      { workers: 4, minSpareWorkers: 1 },
      '`minSpareWorkers` (1) contradicts `workers` (4), beside which it has no meaning.',
    ],
    [
      { workers: 4, maxSpareWorkers: 9 },
      '`maxSpareWorkers` (9) contradicts `workers` (4), beside which it has no meaning.',
    ],
    [{ workers: 4, minWorkers: null as never }, '`minWorkers`'],
  ])('contradict %o', (options, message) => {
    expect(() => resolved(options)).toThrow(message);
  });
});
