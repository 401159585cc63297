import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Histogram, median, spread, summarise, summariseRounds } from './statistics.mjs';

describe('median', () => {
  test.each([
    ['of an odd number is the middle one', [9, 1, 5], 5],
    ['of an even number lies between the two', [4, 1, 2, 3], 2.5],
    ['sorts by size and not by name', [10, 9, 100], 10],
    ['leaves out what could not be measured', [NaN, 7, NaN], 7],
    ['of nothing is not a number', [], NaN],
  ])('%s', (_, values, expected) => {
    expect(median(values)).toBe(expected);
  });
});

test('a spread is half the way from the lowest to the highest round, as a share of the median', () => {
  expect(spread(summarise([90, 100, 120]))).toBeCloseTo(0.15);
  expect(spread(summarise([0, 0]))).toBe(0);
});

test('rounds are summarised by figure, also where one lacks a figure', () => {
  const { rate, cpu } = summariseRounds([{ rate: 1, cpu: 10 }, { rate: 3 }]);
  expect(rate).toEqual({ median: 2, min: 1, max: 3, values: [1, 3] });
  expect(cpu).toMatchObject({ median: 10, values: [10, NaN] });
});

describe('a histogram', () => {
  const latencies = fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  });
  const shares = fc.double({ min: 0.01, max: 1, noNaN: true });
  const filled = (values: readonly number[]): Histogram => {
    const histogram = new Histogram();
    for (const value of values) histogram.record(value);
    return histogram;
  };

  test('knows each percentile to 2 %', () => {
    fc.assert(
      fc.property(latencies, shares, (values, share) => {
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1];
        const found = filled(values).percentile(share);
        expect(found / exact).toBeGreaterThanOrEqual(0.999_999);
        expect(found / exact).toBeLessThanOrEqual(1.020_001);
      }),
    );
  });

  test('adds up, also across processes', () => {
    fc.assert(
      fc.property(latencies, latencies, (some, others) => {
        const sum = filled(some);
        sum.add(new Histogram(filled(others).toJSON()));
        expect(sum.toJSON()).toEqual(filled([...some, ...others]).toJSON());
        expect(sum.total).toBe(some.length + others.length);
      }),
    );
  });

  test('of nothing has no percentile', () => {
    expect(new Histogram().percentile(0.99)).toBeNaN();
  });

  test('keeps what is shorter or longer than its buckets in the outermost ones', () => {
    expect(filled([0]).percentile(1)).toBe(0.001);
    expect(filled([1e9]).percentile(1)).toBeGreaterThan(600_000);
  });
});
