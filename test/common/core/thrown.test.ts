import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { errors } from '../../../src/common/core/errors.ts';
import {
  asError,
  closeFieldsOf,
  destroyCause,
  fieldOf,
  fromPlain,
  isError,
  isPromise,
  messageOf,
  show,
  textOf,
  toPlain,
} from '../../../src/common/core/thrown.ts';
import { description, made } from '../../hostile.ts';
import { tries } from '../../effort.ts';

/** There and back across a thread boundary. */
const travel = (thrown: unknown): Error & { code?: unknown } => fromPlain(structuredClone(toPlain(thrown)));

describe('an error that crosses a thread boundary', () => {
  it('keeps name, message, code and stack', () => {
    const sent = errors.badOption('port', 'a number', 'x');
    const came = travel(sent);
    expect(came).toBeInstanceOf(Error);
    expect([came.name, came.message, came.code, came.stack]).toEqual([
      sent.name,
      sent.message,
      sent.code,
      sent.stack,
    ]);
  });

  it('keeps the name of a subclass', () => {
    expect(travel(new TypeError('no')).name).toBe('TypeError');
  });

  it('keeps the code of a system error, and only a string is one', () => {
    expect(travel(Object.assign(new Error('x'), { code: 'ECONNRESET' })).code).toBe('ECONNRESET');
    expect('code' in travel(Object.assign(new Error('x'), { code: 42 }))).toBe(false);
    expect('code' in travel(new Error('x'))).toBe(false);
  });

  it('has a stack also where none was sent', () => {
    const bare = new Error('bare');
    delete bare.stack;
    expect(travel(bare).stack).toContain('bare');
  });

  it('takes what it cannot clone along no further', () => {
    const odd = Object.assign(new Error('odd', { cause: () => 1 }), { socket: { on: () => 1 } });
    expect(Object.keys(toPlain(odd)).sort()).toEqual(['code', 'message', 'name', 'stack']);
    expect(travel(odd).message).toBe('odd');
  });

  it.each<[unknown, string]>([
    [undefined, 'thrown: undefined'],
    [null, 'thrown: null'],
    ['text', 'thrown: "text"'],
    [42, 'thrown: 42'],
    [10n, 'thrown: 10'],
    [Symbol('s'), 'thrown: Symbol(s)'],
    [{ message: 'looks like one' }, 'thrown: an object'],
    [Object.create(null), 'thrown: an object'],
    [[1, 2], 'thrown: an array of 2'],
    [() => 1, 'thrown: a function'],
    [URL, 'thrown: function URL'],
  ])('may be anything: %s', (thrown, message) => {
    expect(travel(thrown)).toMatchObject({ name: 'Error', message });
  });
});

describe('an error that a stream is destroyed with', () => {
  /** Its stack can be read so many times. */
  function readable(times: number): Error {
    let left = times;
    return Object.defineProperty(new Error('odd'), 'stack', {
      get: () => {
        if ((left -= 1) < 0) throw new Error('no more');
        return 'a stack';
      },
    });
  }

  it.each([0, 1, 2, 3, 10])('is another where the stack can be read %i times', (times) => {
    const given = readable(times);
    for (const cause of [destroyCause(given), asError(given)] as Error[]) {
      expect(cause).toMatchObject({ message: 'odd', cause: given });
      for (let reads = 0; reads < 20; reads += 1) expect(cause.stack).toBeTypeOf('string');
    }
  });

  it('is another where it is a proxy of one', () => {
    const given = new Proxy(new Error('behind'), {});
    expect(destroyCause(given)).toMatchObject({ message: 'behind', cause: given });
  });

  class OwnError extends Error {
    override name = 'OwnError';
  }

  it.each([
    new Error('x'),
    new OwnError('x'),
    new DOMException('x', 'AbortError'),
    new AggregateError([], 'x'),
    errors.badOption('port', 'a number', 'x'),
    Object.assign(new Error('x'), { stack: 'mine' }),
    Object.freeze(new Error('x')),
    Object.create(null, { stack: { value: 'mine' } }),
  ])('is itself where nothing but the engine tells its stack: %s', (given: unknown) => {
    expect(destroyCause(given)).toBe(given);
    if (isError(given)) expect(asError(given)).toBe(given);
  });
});

describe('show', () => {
  it('is short and on one line', () => {
    expect(show('a\nb')).toBe('"a\\nb"');
    expect(show('x'.repeat(80))).toBe(`"${'x'.repeat(80)}"`);
    expect(show('x'.repeat(81))).toBe(`"${'x'.repeat(79)}…"`);
    expect(show(-0)).toBe('0');
    expect(show(NaN)).toBe('NaN');
  });

  it('does not throw on a hostile toString', () => {
    const hostile = {
      toString(): string {
        throw new Error('mine');
      },
    };
    expect(show(hostile)).toBe('an object');
  });
});

describe('a value that resists being looked at', () => {
  it('is shown, made an error, and told of, whatever it is', () => {
    fc.assert(
      fc.property(description, (given) => {
        const value = made(given);
        expect(show(value).length).toBeLessThan(100);
        expect(messageOf(value)).toBeTypeOf('string');
        expect([fieldOf(value, 'then'), isPromise(value), isError(value)]).toHaveLength(3);
        const { name, message, code, stack } = structuredClone(toPlain(value));
        expect([name, message]).toEqual([expect.any(String), expect.any(String)]);
        for (const text of [name, message, code, stack]) expect((text ?? '').length).toBeLessThan(17_000);
        expect(JSON.stringify(closeFieldsOf(value)).length).toBeLessThan(2_000);
      }),
      { numRuns: tries(2_000) },
    );
  });

  it('destroys a stream in the form of an error, which has it as its cause', () => {
    fc.assert(
      fc.property(description, (given) => {
        const value = made(given);
        const error = asError(value);
        expect(error).toBeInstanceOf(Error);
        if (error !== value) expect(Object.is(error.cause, value)).toBe(true);
        for (const cause of [error, destroyCause(value)]) {
          const stream = new Duplex().on('error', () => undefined);
          stream.destroy(cause as Error);
          expect(stream.destroyed).toBe(true);
        }
      }),
      { numRuns: tries(2_000) },
    );
  });

  it('stays itself where Node can look at it', () => {
    const error = Object.freeze(new TypeError('mine'));
    expect(asError(error)).toBe(error);
    for (const given of [error, 'text', 0, null, undefined, Object.create(null)])
      expect(destroyCause(given)).toBe(given);
  });

  it('keeps the code by which an error of the network is known', () => {
    const reset = Object.defineProperty(
      Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104, syscall: 'read' }),
      'stack',
      {
        get: () => {
          throw new Error('mine');
        },
      },
    );
    expect(asError(reset)).not.toBe(reset);
    expect(asError(reset)).toMatchObject({
      message: 'read ECONNRESET',
      code: 'ECONNRESET',
      errno: -104,
      syscall: 'read',
    });
  });

  it('of megabytes crosses as a little of it', () => {
    const long = travel(new Error('x'.repeat(50_000_000)));
    expect(long.message).toMatch(/^x{16384}… \(50000000 characters\)$/);
    expect(closeFieldsOf(new Error('x'.repeat(1_000))).message).toBe('x'.repeat(200));
  });
});

describe('an `Error.prepareStackTrace` that throws', () => {
  const before = Reflect.get(Error, 'prepareStackTrace') as never;
  afterEach(() => {
    Error.prepareStackTrace = before;
  });

  it('keeps no error from being told, and no stream from being destroyed', () => {
    Error.prepareStackTrace = () => {
      throw new Error('of the formatter');
    };
    const thrown = new Error('of the handler');
    const [plain, error, own] = [toPlain(thrown), asError(thrown), asError('text')];
    const stream = new Duplex().on('error', () => undefined).destroy(error);
    const stack = textOf(own, 'stack');
    Error.prepareStackTrace = before;
    expect(plain).toEqual({ name: 'Error', message: 'of the handler', code: undefined, stack: undefined });
    expect([error.message, error.cause]).toEqual(['of the handler', thrown]);
    expect(stack).toBe('Error: thrown: "text"');
    expect(stream.destroyed).toBe(true);
  });
});
