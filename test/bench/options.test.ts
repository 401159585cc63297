import { describe, expect, test } from 'vitest';
import { parseOptions } from './options.mjs';

const known = { workloads: ['echo', 'churn', 'hang'], peers: ['net', 'cluster', 'relay'] };
const parse = (...args: string[]): ReturnType<typeof parseOptions> => parseOptions(args, known);

test('without options everything is measured', () => {
  expect(parse()).toEqual({
    quick: false,
    help: false,
    workloads: ['echo', 'churn', 'hang'],
    peers: ['net', 'cluster', 'relay'],
    workers: undefined,
    generators: undefined,
    json: undefined,
    svg: undefined,
  });
});

test('names come in the order of the run, not of the command line', () => {
  expect(parse('--only', 'hang,echo', '--peers=relay, cluster')).toMatchObject({
    workloads: ['echo', 'hang'],
    peers: ['cluster', 'relay'],
  });
});

test('flags, numbers and paths', () => {
  expect(
    parse('--quick', '--workers', '3', '--generators=2', '--json', 'a.json', '--svg', 'b.svg'),
  ).toMatchObject({
    quick: true,
    workers: 3,
    generators: 2,
    json: 'a.json',
    svg: 'b.svg',
  });
});

describe('a mistake is told with what was expected and what was given', () => {
  test.each([
    [['--only', 'ecko'], '--only: one of echo, churn, hang expected, not "ecko"'],
    [['--peers', 'cluster,fork'], '--peers: one of net, cluster, relay expected, not "fork"'],
    [['--workers', '0'], '--workers: an integer from 1 to 64 expected, not "0"'],
    [['--workers', 'two'], '--workers: an integer from 1 to 64 expected, not "two"'],
    [['--generators', '1.5'], '--generators: an integer from 1 to 16 expected, not "1.5"'],
  ])('%j', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });

  test('an option that there is not', () => {
    expect(() => parse('--fast')).toThrow("Unknown option '--fast'");
  });
});
