import { describe, expect, it } from 'vitest';
import { awaited, called, showCallers, throwAt } from '../../../src/common/core/caller.ts';
import { errors, ForklessError } from '../../../src/common/core/errors.ts';
import { fromPlain, textOf, toPlain } from '../../../src/common/core/thrown.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const fail = (): never => {
  throw errors.badOption('a', 'b', 1);
};

function front(): void {
  called(front, fail);
}

function asyncFront(error: () => unknown): Promise<void> {
  return awaited(asyncFront, async () => {
    await turn();
    throw error();
  });
}

class Public {
  readonly made: boolean;

  constructor() {
    try {
      this.made = fail();
    } catch (error) {
      throwAt(Public, error);
    }
  }
}

class Methods {
  now(): void {
    fail();
  }

  async later(): Promise<void> {
    await turn();
    fail();
  }

  both(): void {
    this.now();
  }
}
showCallers(Methods.prototype, ['now', 'both'], ['later']);

const thrownBy = async (run: () => unknown): Promise<Error> => {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

const firstFrame = ({ stack = '' }: Error): string =>
  stack.split('\n').find((line) => /^\s+at /.test(line)) ?? '';

describe('an error of ours begins with its caller', () => {
  const methods = new Methods();
  it.each<[string, () => unknown]>([
    [
      'a function',
      function caller() {
        front();
      },
    ],
    [
      'a constructor',
      function caller() {
        new Public();
      },
    ],
    [
      'a method',
      function caller() {
        methods.now();
      },
    ],
    [
      'a method by another',
      function caller() {
        methods.both();
      },
    ],
    [
      'a method that rejects',
      function caller() {
        return methods.later();
      },
    ],
    [
      'a promise that rejects',
      function caller() {
        return asyncFront(() => errors.noSuchWorker(3));
      },
    ],
  ])('%s', async (_, caller) => {
    const error = await thrownBy(caller);
    expect(error).toBeInstanceOf(ForklessError);
    expect(error.stack).toMatch(/^ForklessError: (?:Expected `a`|There is no worker 3)/);
    expect(firstFrame(error)).toContain('caller');
  });

  it('and keeps code, message and cause', async () => {
    const original = errors.reloadFailed(new Error('why'));
    const error = await thrownBy(() => asyncFront(() => original));
    expect(error).toMatchObject({ code: original.code, message: original.message, name: 'ForklessError' });
    expect(error.cause).toBe(original.cause);
    expect(Object.keys(error)).toEqual(Object.keys(original));
  });

  it('and has one that came from a worker as its cause', async () => {
    const copy = fromPlain(toPlain(errors.badHandlers('of a worker')));
    const error = await thrownBy(() => asyncFront(() => copy));
    expect(error).toBeInstanceOf(ForklessError);
    expect(error).toMatchObject({ code: 'FORKLESS_BAD_HANDLERS', message: 'of a worker', cause: copy });
  });
});

it('what others throw stays as it is', async () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const thrown of [new TypeError('x'), undefined, null, 'text', proxy]) {
    const before = textOf(thrown, 'stack');
    const caught: unknown[] = [];
    try {
      called(front, () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        throw thrown;
      });
    } catch (error) {
      caught.push(error);
    }
    await asyncFront(() => thrown).catch((error: unknown) => caught.push(error));
    expect(caught.map((each) => Object.is(each, thrown))).toEqual([true, true]);
    expect(textOf(thrown, 'stack')).toBe(before);
  }
});
