import { describe, expect, it } from 'vitest';
import {
  fraction,
  integer,
  limit,
  MAX_WAIT,
  millis,
  millisOrNever,
  oneOf,
  onlyKnown,
} from '../../../src/common/core/check.ts';
import { errors, ForklessError } from '../../../src/common/core/errors.ts';

describe('the error class', () => {
  it('has a cause only where there is one', () => {
    expect('cause' in errors.aborted(undefined)).toBe(false);
    expect(errors.aborted('why').cause).toBe('why');
  });

  it.each([
    errors.badOption('a', 'b', 1),
    errors.unknownOption('a', ['b', 'c']),
    errors.strayHandler('clientInput'),
    errors.nowhereToListen(),
    errors.fixedOption('a', ['b', 'c']),
    errors.badHandlers('m'),
    errors.badParameter('needs a port'),
    errors.eventsOverflow(5),
    errors.wrongState('listen()', 'closed'),
    errors.notAWorker('serve()'),
    errors.bootFailed('file:///w.js', 'failed', new Error('c')),
    errors.bootTimeout('file:///w.js', 5),
    errors.reloadFailed(new Error('c')),
    errors.noSuchWorker(9),
    errors.badFrame('x'),
    errors.dispatchFailed('threw'),
    errors.lineTooLong(9, 5),
    errors.blockTooLong(9, 5),
    errors.badBlockLength('x'),
    errors.badReference('is not JSON', new Error('c')),
    errors.badRequest(400, 'no target'),
    errors.badResponse('no status'),
    errors.badStack('a number'),
    errors.inputOverflow(9, 5),
    errors.outputOverflow(9, 5),
    errors.messagesOverflow(5),
    errors.handlerError('clientInput', 1, 2, new Error('c')),
    errors.aborted(undefined),
  ])('$code', (error) => {
    expect(error).toBeInstanceOf(ForklessError);
    expect(error.name).toBe('ForklessError');
    expect(error.code).toMatch(/^FORKLESS_[A-Z_]+$/);
    expect(error.message).not.toMatch(/undefined|\[object/);
  });
});

describe('the checks', () => {
  const refused = (check: () => unknown): string => {
    try {
      check();
    } catch (error) {
      if (error instanceof ForklessError) return error.message;
      throw error;
    }
    return 'accepted';
  };

  it.each([0, 1, 5])('integer takes %i', (value) => {
    expect(integer('n', value, 0, 5)).toBe(value);
  });

  it.each([-1, 6, 1.5, NaN, Infinity, '3', null, undefined, 3n, [3]])('integer refuses %s', (value) => {
    expect(refused(() => integer('n', value, 0, 5))).toContain(
      'Expected `n` to be an integer from 0 to 5, got ',
    );
  });

  it('integer says what it takes where there is no upper end', () => {
    expect(refused(() => integer('n', 0, 1))).toBe('Expected `n` to be an integer of at least 1, got 0');
  });

  it('limit takes Infinity for none', () => {
    expect([limit('n', Infinity, 1), limit('n', 7, 1)]).toEqual([Infinity, 7]);
    for (const bad of [-Infinity, 0, '1', null]) expect(refused(() => limit('n', bad, 1))).toContain('`n`');
  });

  it('millis takes what a timer can wait for', () => {
    expect([millis('t', 1), millis('t', 0.5, 0), millis('t', MAX_WAIT)]).toEqual([1, 0.5, MAX_WAIT]);
    for (const bad of [0, NaN, Infinity, MAX_WAIT + 1, '5', null])
      expect(refused(() => millis('t', bad))).toContain(
        'Expected `t` to be milliseconds from 1 to 2147483647',
      );
  });

  it('millisOrNever takes Infinity too', () => {
    expect(millisOrNever('t', Infinity)).toBe(Infinity);
    expect(refused(() => millisOrNever('t', -Infinity))).toContain('`t`');
  });

  it('fraction takes 0 to 1', () => {
    expect([fraction('f', 0), fraction('f', 1)]).toEqual([0, 1]);
    for (const bad of [-0.01, 1.01, NaN, '0', null])
      expect(refused(() => fraction('f', bad))).toContain('`f`');
  });

  it('oneOf names the choice', () => {
    expect(oneOf('o', 'b', ['a', 'b'])).toBe('b');
    expect(refused(() => oneOf('o', 'c', ['a', 'b']))).toBe("Expected `o` to be 'a' or 'b', got \"c\"");
    expect(refused(() => oneOf('o', undefined, ['a']))).toContain('`o`');
  });

  it('onlyKnown names the first stranger', () => {
    onlyKnown({ a: 1 }, ['a', 'b']);
    expect(
      refused(() => {
        onlyKnown({ a: 1, maxWorker: 2, x: 3 }, ['a', 'maxWorkers']);
      }),
    ).toBe('Unknown option `maxWorker`; did you mean `maxWorkers`?');
  });

  it('onlyKnown does not take inherited names for known', () => {
    expect(
      refused(() => {
        onlyKnown({ toString: 1 }, ['a']);
      }),
    ).toContain('`toString`');
  });
});
