import { describe, expect, test } from 'vitest';
import { summariseRounds } from '../statistics.mjs';
import { goals, goalsTable, judge } from './goals.mjs';
import { chart } from './svg.mjs';
import { align, formatNumber, ratio, resultTable, type Result } from './table.mjs';

const result = (name: string, peers: Record<string, Record<string, number>[]>): Result => ({
  name,
  title: `About ${name}`,
  unit: 'req/s',
  per: 'request',
  columns: ['rate', 'cpu', 'load'],
  peers: Object.fromEntries(Object.entries(peers).map(([peer, rounds]) => [peer, summariseRounds(rounds)])),
});

const echo = result('echo', {
  net: [{ rate: 12_000, cpu: 16, main: 15, load: 95 }],
  cluster: [
    { rate: 9_000, cpu: 19, main: 1, load: 80 },
    { rate: 11_000, cpu: 21, main: 1, load: 80 },
  ],
  relay: [{ rate: 11_000, cpu: 18, main: 8, load: 80 }],
});

const titles = { net: 'net', cluster: 'cluster', relay: 'forkless <relay>' };

describe('numbers', () => {
  test.each([
    [1_234_567, 0, '1 234 567'],
    [1_234.567_8, 4, '1 234.5678'],
    [-0.5, 1, '-0.5'],
    [999, 0, '999'],
    [NaN, 2, '–'],
    [Infinity, 2, '–'],
  ])('%d with %d digits', (value, digits, text) => {
    expect(formatNumber(value, digits)).toBe(text);
  });
});

test('columns are as wide as their widest cell, names to the left and numbers to the right', () => {
  expect(
    align([
      ['', 'a'],
      ['name', '100'],
      ['n', '1'],
    ]),
  ).toEqual(['        a', 'name  100', 'n       1']);
});

test('a ratio is that of the medians, and not a number where one is missing', () => {
  expect(ratio(echo, 'relay', 'rate')).toBeCloseTo(1.1);
  expect(ratio(echo, 'relay', 'cpu', 'net')).toBeCloseTo(1.125);
  expect(ratio(echo, 'transfer', 'rate')).toBeNaN();
  expect(ratio(undefined, 'relay', 'rate')).toBeNaN();
});

test('a table has a row for each peer, ratios to cluster, spreads, and marks a busy generator', () => {
  expect(resultTable(echo, titles)).toEqual([
    'About echo',
    '                          req/s  ×cluster  CPU µs/request  ×cluster  load %',
    '  net                    12 000      1.20            16.0      0.80    95 !',
    '  cluster           10 000 ±10%      1.00        20.0 ±5%      1.00      80',
    '  forkless <relay>       11 000      1.10            18.0      0.90      80',
  ]);
});

describe('goals', () => {
  const judged = (results: Result[], figure: string): unknown =>
    judge(results).find((judgement) => judgement.figure === figure);

  test('are reached or missed by what was measured', () => {
    expect(judged([echo], 'echo, CPU per request, relay')).toEqual({
      figure: 'echo, CPU per request, relay',
      against: 'cluster',
      goal: '≤ 1',
      value: 0.9,
      reached: true,
    });
    expect(judged([echo], 'echo, main-thread CPU, relay')).toMatchObject({ value: 0.5, reached: true });
    const slow = result('churn', { cluster: [{ rate: 100 }], relay: [{ rate: 89 }] });
    expect(judged([slow], 'churn, rate, relay')).toMatchObject({ value: 0.89, reached: false });
  });

  test('at the bound is reached for ≤ and missed for <', () => {
    const size = result('size', { relay: [{ installed: 2 }] });
    const idlePool = result('idle-pool', { relay: [{ core: 0.2 }] });
    expect(judged([size], 'installed size')).toMatchObject({ goal: '≤ 2 MB', reached: true });
    expect(judged([idlePool], '20 idle workers, of a core')).toMatchObject({
      goal: '< 0.2 %',
      reached: false,
    });
  });

  test('what a hung worker had claimed does not count as lost', () => {
    const hang = (lost: number, held: number): Result =>
      result('hang', { relay: [{ failed: 1, late: lost, held }] });
    expect(judged([hang(2, 3)], 'hang, unclaimed requests lost')).toMatchObject({ value: 0, reached: true });
    expect(judged([hang(2, 1)], 'hang, unclaimed requests lost')).toMatchObject({ value: 2, reached: false });
  });

  test('nothing is claimed that was not measured', () => {
    const judgements = judge([]);
    expect(judgements).toHaveLength(goals.length);
    expect(judgements.filter(({ reached }) => reached !== undefined)).toEqual([]);
    expect(goalsTable(judgements).join('\n')).not.toMatch(/reached|MISSED/);
  });
});

describe('the chart', () => {
  const drawn = chart([echo], titles, 'Node & co');
  const count = (pattern: RegExp): number => drawn.match(pattern)?.length ?? 0;

  test('has a bar for each peer in each panel, and a legend', () => {
    expect(count(/<rect x="120"/g)).toBe(2 * 3);
    expect(count(/<rect x="\d+" y="34"/g)).toBe(3);
  });

  test('escapes what it did not write itself', () => {
    expect(drawn).toContain('forkless &#60;relay&#62;');
    expect(drawn).toContain('Node &#38; co');
  });

  test('cuts a bar that is too long, and says so', () => {
    const far = result('echo', { cluster: [{ rate: 1 }], relay: [{ rate: 100 }] });
    expect(chart([far], titles, '')).toContain('100.00 →');
    expect(
      Math.max(
        ...[...chart([far], titles, '').matchAll(/ width="(\d+)"/g)].map(([, width]) => Number(width)),
      ),
    ).toBe(580);
  });

  test('of nothing is still a chart', () => {
    expect(chart([], titles, '')).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(chart([], titles, '')).not.toContain('NaN');
  });
});
