import { describe, expect, it } from 'vitest';
import { isSameCall, type CallPlace, type OwnCall } from '../../src/common/core/module-call.ts';
import { placeOfCall } from '../../src/one-module/call-place.ts';
import { noteCall } from '../../src/one-module/call-list.ts';

const at = (line: number, column = 1, ...callers: number[]): CallPlace => ({
  at: `/m.js:${line}:${column}`,
  path: [`/m.js:${line}:${column}`, ...callers.map((caller) => `/m.js:${caller}:1`)].join('\n'),
  exact: true,
});
const nowhere: CallPlace = { at: '', path: '', exact: true };
const inexact = (place: CallPlace): CallPlace => ({ ...place, exact: false });
const handlers = (): object => ({ clientInput: () => undefined, highMark: 5 });

let modules = 0;
const newModule = (): string => `file:///m.js?${(modules += 1)}`;
const note = (module: string, place: CallPlace, given = handlers()): (() => OwnCall) => {
  const call = noteCall(module, place, given);
  return () => call() ?? expect.fail('no call');
};
const REFUSED = expect.objectContaining({ code: 'FORKLESS_BAD_HANDLERS' }) as Error;

describe('a call of prefork()', () => {
  it('is known from others by its place', () => {
    const module = newModule();
    const [one, other] = [note(module, at(1)), note(module, at(2))];
    expect([at(1), at(2), at(3)].map((here) => isSameCall(one(), here))).toEqual([true, false, false]);
    expect([at(1), at(2), at(3)].map((here) => isSameCall(other(), here))).toEqual([false, true, false]);
  });

  it('may be come to in another way where no other stands there', () => {
    const own = note(newModule(), at(1, 1, 8))();
    expect(isSameCall(own, at(1, 1, 9))).toBe(true);
  });

  it('is known by the way to it where another stands there that was made at once', () => {
    const module = newModule();
    const [one, other] = [note(module, at(1, 1, 8)), note(module, at(1, 1, 9))];
    expect([at(1, 1, 8), at(1, 1, 9)].map((here) => isSameCall(one(), here))).toEqual([true, false]);
    expect([at(1, 1, 8), at(1, 1, 9)].map((here) => isSameCall(other(), here))).toEqual([false, true]);
  });

  it('is refused where a worker was told that no other stands there', () => {
    const module = newModule();
    note(module, at(1, 1, 8))();
    expect(() => note(module, at(1, 1, 9))).toThrow(REFUSED);
  });

  it.each([
    ['at the same place', at(1), at(1)],
    ['on the same line where columns are not certain', inexact(at(1, 3)), at(1, 9)],
    ['where the place cannot be told', nowhere, at(1)],
    ['where the place of another cannot be told', at(1), nowhere],
  ])('with other handlers %s is refused', (_, one, other) => {
    const module = newModule();
    note(module, one);
    expect(() => note(module, other)).toThrow(REFUSED);
    expect(() => note(newModule(), other)).not.toThrow();
  });

  it('may be made again with the same handlers', () => {
    const [module, given] = [newModule(), handlers()];
    note(module, at(1), given);
    expect(isSameCall(note(module, at(1), { ...given })(), at(1))).toBe(true);
    expect(() => note(module, at(1), { ...given, highMark: 6 })).toThrow(REFUSED);
    expect(() => note(module, at(1), { ...given, lowMark: 1 })).toThrow(REFUSED);
    expect(() => note(module, at(1), { highMark: 5 })).toThrow(REFUSED);
  });

  it('whose place cannot be told is the first that comes, if there is only one', () => {
    const module = newModule();
    const own = note(module, nowhere);
    expect(isSameCall(own(), at(1))).toBe(true);
    const known = note(newModule(), at(1))();
    expect(isSameCall(known, nowhere)).toBe(true);
    expect(isSameCall({ ...known, single: false }, nowhere)).toBe(false);
  });

  it('is found by its line where columns are not certain', () => {
    expect(isSameCall(note(newModule(), inexact(at(1, 3)))(), at(1, 9))).toBe(true);
    expect(isSameCall(note(newModule(), at(1, 3))(), inexact(at(1, 9)))).toBe(true);
    expect(isSameCall(note(newModule(), at(1, 3))(), at(1, 9))).toBe(false);
  });
});

it('a call for another module is none of that one', () => {
  const module = newModule();
  const calls = [1, 2].map(() => noteCall(module, undefined, handlers()));
  expect(calls.map((call) => call())).toEqual([undefined, undefined]);
});

describe('placeOfCall', () => {
  const front = (module = import.meta.url): CallPlace =>
    placeOfCall(front, module) ?? expect.fail('called by another module');
  const lines = ({ path }: CallPlace): number[] =>
    path.split('\n').map((place) => Number(/\.test\.ts:(\d+):\d+$/.exec(place)?.[1]));

  it('tells file and line, and those of the calls that led to it', () => {
    const by = (): CallPlace => front();
    const [one, other] = [by(), by()];
    const third = by();
    expect(one.at).toMatch(/\/test\/one-module\/call-list\.test\.ts:\d+:\d+$/);
    expect(one.at).toBe(third.at);
    const [inner = 0, outer = 0] = lines(one);
    expect(outer).toBe(inner + 1);
    expect(lines(other).slice(0, 2)).toEqual([inner, outer]);
    expect(lines(third).slice(0, 2)).toEqual([inner, outer + 1]);
  });

  it('knows that another module has called', () => {
    expect(() => front('file:///somewhere/else.js')).toThrow('called by another module');
  });

  it('leaves the limit of stacks as it was', () => {
    const before = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      expect(front().at).toMatch(/call-list\.test\.ts/);
      expect(Error.stackTraceLimit).toBe(0);
    } finally {
      Error.stackTraceLimit = before;
    }
  });

  it('is certain of columns only where stacks are written by Node itself', () => {
    const before: unknown = Reflect.get(Error, 'prepareStackTrace');
    Error.prepareStackTrace = (error) => `${String(error)}\n    at mine (/somewhere/else.js:7:1)`;
    try {
      const place = '/somewhere/else.js:7:1';
      expect(front('file:///somewhere/else.js')).toEqual({ at: place, path: place, exact: false });
      Error.prepareStackTrace = () => 'nothing of the kind';
      expect(front()).toMatchObject({ at: '', path: '' });
    } finally {
      Reflect.set(Error, 'prepareStackTrace', before);
    }
  });
});
